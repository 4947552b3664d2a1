# Everything a user types. Each target sets up what it needs: Python 3.11+ and make are enough.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv

.PHONY: table report paper partial restore verify track ui docs test faults bench bench-gpu lock lint clean

table: .venv/ready
	$(BIN)/snakemake --cores all -- all

# results/report.html: everything to look at, in one file for any browser (docs/report.md).
report: .venv/ready
	$(BIN)/snakemake --cores all -- results/report.html

# Figures, tables and numbers as a manuscript takes them (docs/paper_output.md).
paper: .venv/ready
	$(BIN)/snakemake --cores all -- paper

# What a long or failed build has finished so far.
partial: .venv/ready
	$(BIN)/python workflow_scripts/table.py --partial --output results/partial.csv

# Fetches what was computed elsewhere from DVC's remote (docs/sharing.md): then nothing is left to do.
restore: .venv/ready
	$(BIN)/python workflow_scripts/restore.py

# Whether the results follow from what is on the disk, down to the recordings; trains three runs again.
verify: .venv/ready
	$(BIN)/ser verify

# The finished runs into MLflow (docs/tracking.md), also during a build; and its web page, on this machine only.
track: .venv/ready
	$(BIN)/python workflow_scripts/track.py

ui: .venv/ready
	$(BIN)/python workflow_scripts/ui.py

# The documentation as a site, docs/_build/html/index.html, which opens without a server or a network.
docs: .venv/ready
	$(BIN)/sphinx-build -E -W --keep-going -n -q -b html -d docs/_build/doctrees docs docs/_build/html
	@echo docs/_build/html/index.html

# Four processes more than there are cores: tests of clusters and of builds often wait.
test: .venv/ready
	$(BIN)/python -m pytest --numprocesses $$(($$(nproc) + 4)) --dist loadfile --no-loadscope-reorder

# What goes wrong, hundreds of times, and what comes of it: builds are killed, bad and random input is tried, and what was
# seen is written to docs/reliability.md. About two hours; the tests have a short form of it.
faults: .venv/ready
	$(BIN)/python benchmarks/faults.py --kills 10 --training 20 --output benchmarks/results/faults.json
	$(BIN)/python benchmarks/bad_input.py --output benchmarks/results/bad_input.json
	$(BIN)/python benchmarks/reliability.py

# Our way and the usual ways in turns, in about ten minutes on two idle cores: docs/performance.md. With EmoDB:
# `make bench EMODB=folder`. Where there is a GPU, `make bench-gpu` measures what it is for.
bench: .venv/ready
	$(BIN)/python benchmarks/bench.py $(if $(EMODB),--emodb "$(EMODB)")
	$(BIN)/python benchmarks/performance.py

bench-gpu: .venv/ready
	$(BIN)/python benchmarks/bench.py --gpu
	$(BIN)/python benchmarks/performance.py

# What can be checked without running anything: faults and names, formatting, formatting of the rules, types. CI runs it
# before the tests, and a pre-commit hook before each commit.
lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy

# The environment: exactly the lock, checked by hash, and the project itself. Where processes may not keep the byte code
# that they compile, it is compiled now: otherwise each of the many that a build starts takes twice as long.
.venv/ready: envs/requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(UV) || $(BIN)/python -m pip install --quiet "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' envs/requirements.lock)"
	$(UV) pip sync --quiet --require-hashes $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode) --python $(BIN)/python \
		envs/requirements.lock
	$(UV) pip install --quiet --no-deps --python $(BIN)/python --editable .
	touch $@

# Update the versions. The lock holds hashes and no addresses, so any mirror of the registry will do.
lock: .venv/ready
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 envs/requirements.in --output-file envs/requirements.lock

clean:
	rm -rf work results .snakemake mlflow.db mlruns
