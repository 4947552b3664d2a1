"""`ser init corpus`: what a folder or a table shows becomes a manifest and a protocol that work; the rest is told."""

import csv
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from helpers.project import BIN, Project, copy_project
from helpers.wavs import write_wav
from ser.errors import InputError
from ser.plan.load import load_plan, read_params
from ser.scaffold.corpus import init_corpus, release_in
from ser.scaffold.layout import look
from ser.splits.protocol import Protocol

FILL = "fill it in (`unknown` where nobody knows)"
SPEAKERS = ("anna", "ben", "carl", "dora")


def files(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def by_speaker(root: Path) -> Path:
    """<speaker>/<emotion>_<take>.wav."""
    return files(
        root, *(f"{who}/{what}_{n}.wav" for who in SPEAKERS for what in ("Anger", "sad", "Neutral") for n in "12")
    )


def project(folder: Path) -> Path:
    (folder / "experiments").mkdir(parents=True)
    return folder


def manifest(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"external/{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def protocol(folder: Path, name: str) -> Protocol:
    fields = yaml.safe_load((folder / f"experiments/{name}.yaml").read_text())["protocols"][name]
    return Protocol.from_mapping({key: of for key, of in fields.items() if key not in ("selections", "source")})


def test_folders_of_speakers_and_words_in_file_names(tmp_path: Path) -> None:
    written = init_corpus(by_speaker(tmp_path / "in"), "mine", root=project(tmp_path / "p"))
    rows = manifest(tmp_path / "p", "mine")
    assert len(rows) == 24 and [*rows[0]] == ["path", "speaker", "emotion"]
    assert all(row["speaker"] == row["path"].split("/")[0] for row in rows)
    words = {"Anger": "angry", "sad": "sad", "Neutral": "neutral"}
    assert all(row["emotion"] == words[row["path"].split("/")[1].split("_")[0]] for row in rows)
    of = protocol(tmp_path / "p", "mine")
    assert (of.folds.kind, of.folds.group, of.folds.number, of.labels) == (
        *("leave_one_out", "speaker", 4),
        ("angry", "neutral", "sad"),
    )
    assert written.open == ["part2 has 2 values, 1, 2: unused; --speaker, --sentence or --session part2 uses it"]


def test_folders_of_classes_name_no_speaker(tmp_path: Path) -> None:
    """The commonest layout. Random names say nothing about who speaks, and nobody is invented."""
    paths = [f"{what}/{n:03}.wav" for what in ("happy", "sad", "fear") for n in range(5)]
    written = init_corpus(files(tmp_path / "in", *paths), "mine", root=project(tmp_path / "p"))
    rows = manifest(tmp_path / "p", "mine")
    assert {row["emotion"] for row in rows} == {"happy", "sad", "fearful"} and {row["speaker"] for row in rows} == {""}
    assert f"column speaker is empty, nothing shows it: {FILL}, or name its field: --speaker" in written.open
    assert any(line.startswith("folds are random") for line in written.open)


def test_named_fields_of_file_names(tmp_path: Path) -> None:
    paths = [
        f"{s}-{g}-{t}-{e}.flac"
        for s, g in (("spk1", "f"), ("spk2", "m"), ("spk3", "f"))
        for t in "ab"
        for e in ("ang", "hap", "neu")
    ]
    init_corpus(files(tmp_path / "in", *paths), "mine", {"sentence": "part3"}, project(tmp_path / "p"))
    rows = {row["path"]: row for row in manifest(tmp_path / "p", "mine")}
    assert rows["spk2-m-b-hap.flac"] == {
        "path": "spk2-m-b-hap.flac",
        "speaker": "spk2",
        "sentence": "b",
        "gender": "male",
        "emotion": "happy",
    }
    assert protocol(tmp_path / "p", "mine").leaks == ("sentences",)  # found: all speakers say both texts


def test_names_without_separators_and_letters_for_emotions(tmp_path: Path) -> None:
    """As EmoDB's: a letter may mean anything, so it is a class only where the user says which part it is."""
    paths = [f"{who}a{text}{letter}c.wav" for who in ("03", "08", "09") for text in ("01", "02") for letter in "WNT"]
    root = files(tmp_path / "in", *paths)
    assert {*look(root).found} == {"path"}
    guess = look(root, {"speaker": "part1", "emotion": "part4", "sentence": "part3"})
    assert guess.values("emotion") == ["N", "T", "W"] and guess.values("speaker") == ["03", "08", "09"]
    init_corpus(root, "mine", {"speaker": "part1", "emotion": "part4"}, project(tmp_path / "p"))
    assert protocol(tmp_path / "p", "mine").classes == (("n", ("N",)), ("t", ("T",)), ("w", ("W",)))


def test_a_table_with_other_column_names(tmp_path: Path) -> None:
    """Semicolons, a path with a folder, durations that nobody needs, official parts."""
    files(tmp_path / "clips", *(f"{n}.wav" for n in range(12)))
    lines = ["File_Path;Actor ID;Label;duration;Split;activation"]
    for n in range(12):
        part = ("train", "val", "test")[n // 4]
        lines.append(f"clips/{n}.wav;{part}{n % 2};{('Joy', 'fear')[n % 2]};1.2;{part};{n / 2}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    written = init_corpus(tmp_path / "labels.csv", "mine", root=project(tmp_path / "p"))
    rows = manifest(tmp_path / "p", "mine")
    assert rows[5] == {
        **{"path": "clips/5.wav", "speaker": "val1", "emotion": "fearful", "arousal": "2.5", "partition": "val"},
    }
    folds = protocol(tmp_path / "p", "mine").folds
    assert (folds.kind, folds.train, folds.dev, folds.test) == ("official", ("train",), ("val",), ("test",))
    assert written.open == ["columns that are not used: duration"]


def test_absolute_paths_and_missing_files(tmp_path: Path) -> None:
    files(tmp_path / "a", "x/1.wav", "y/2.wav")
    table = tmp_path / "t.csv"
    table.write_text(
        f"path,speaker,emotion\n{tmp_path}/a/x/1.wav,s,sad\n{tmp_path}/a/y/2.wav,t,happy\n{tmp_path}/a/y/3.wav,t,sad\n"
    )
    guess = look(table)
    assert guess.root == tmp_path / "a" and [row["path"] for row in guess.rows] == ["x/1.wav", "y/2.wav", "y/3.wav"]
    assert guess.open == [f"1 files are not below {tmp_path}/a: y/3.wav: correct root, or say --root DIR"]


def test_a_table_far_from_its_recordings(tmp_path: Path) -> None:
    table = files(tmp_path, "far/away/x/1.wav", "far/away/2.wav", "in/t.csv") / "in/t.csv"
    table.write_text("path,speaker,emotion\nx/1.wav,s,sad\n2.wav,t,happy\n")
    assert look(table).open == [
        f"2 files are not below {tmp_path}/in: x/1.wav, 2.wav: correct root, or say --root DIR",
    ]
    guess = look(table, root=tmp_path / "far/away")
    assert (guess.root, guess.open) == (tmp_path / "far/away", [])
    table.write_text(f"path,speaker,emotion\n{tmp_path}/far/away/x/1.wav,s,sad\n")
    assert look(table, root=tmp_path / "far").rows[0]["path"] == "away/x/1.wav"
    for source, root, reason in ((table, "no", "no such folder"), (tmp_path, "far", "name its recordings' folder")):
        with pytest.raises(InputError, match=f"--root {tmp_path}/{root}: .*{reason}"):
            look(source, root=tmp_path / root)


def test_columns_that_only_their_owner_knows(tmp_path: Path) -> None:
    table = files(tmp_path, "a.wav", "b.wav") / "t.csv"
    table.write_text("filename,talker,mood,notes\na.wav,T1,happy,x\nb.wav,T2,sad,y\n")
    guess = look(table)
    assert {*guess.found} == {"path"} and guess.open == [
        "columns that are not used: talker, mood, notes",
        f"column speaker is empty: no name of a column says so: name it, --speaker, or {FILL}",
        "column emotion is empty: no name of a column says so: name it, --emotion, or fill it in",
    ]
    guess = look(table, {"speaker": "talker", "emotion": "mood"})
    assert guess.open == ["columns that are not used: notes"] and guess.values("speaker") == ["T1", "T2"]
    with pytest.raises(InputError, match="no column 'moood': did you mean 'mood'?"):
        look(table, {"emotion": "moood"})


def test_words_that_yaml_would_read_as_something_else(tmp_path: Path) -> None:
    paths = [f"spk{s}_{e}.wav" for s in range(4) for e in ("no", "yes", "1")]
    init_corpus(files(tmp_path / "in", *paths), "mine", {"emotion": "part2"}, project(tmp_path / "p"))
    text = (tmp_path / "p/experiments/mine.yaml").read_text()
    assert protocol(tmp_path / "p", "mine").labels == ("1", "no", "yes") and max(map(len, text.splitlines())) <= 120


def test_the_build_works_on_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder to numbers with no file touched by hand."""
    root = tmp_path / "in"
    for path in by_speaker(root).rglob("*.wav"):
        write_wav(path)
    project = copy_project(tmp_path / "project")
    said = ser(project, "init", "corpus", str(root), "--name", "mine")
    assert said.returncode == 0 and "written: params.local.yaml" in said.stdout, said.stderr
    examine = re.search(r"next: .*; ser (corpus .*?);", said.stdout)
    assert examine and ser(project, *examine[1].split()).returncode == 0
    monkeypatch.chdir(project.folder)
    plan = load_plan(read_params())
    assert [(group.row, group.skipped) for group in plan.groups] == [("majority", ""), ("functionals_svm", "")]
    project.build("work/free/evaluations/mine/majority/mine/clean.json")


def ser(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "ser", *words], cwd=project.folder, capture_output=True, text=True)


def test_a_release_tree_needs_no_manifest(tmp_path: Path, shared_data: Path) -> None:
    project = copy_project(tmp_path / "project")
    said = ser(project, "init", "corpus", str(shared_data / "emodb"))
    assert said.returncode == 0 and "this is the release tree of emodb" in said.stdout
    assert not (project.folder / "external").exists() and not (project.folder / "params.local.yaml").exists()


def test_the_layout_of_a_release_alone_is_not_that_release(tmp_path: Path) -> None:
    """<speaker>/<emotion>/<number>.wav is CASIA's layout, but these are not CASIA's speakers."""
    numbers = [f"{who}/{what}/201.wav" for who in SPEAKERS for what in ("angry", "happy", "sad")]
    assert release_in(files(tmp_path / "theirs", *numbers)) == ""
    theirs = [path.replace("anna", "wangzhe") for path in numbers if "anna" in path]
    assert release_in(files(tmp_path / "casia", *theirs)) == "casia"
    guess = look(tmp_path / "theirs")
    assert guess.values("speaker") == [*SPEAKERS] and guess.values("emotion") == ["angry", "happy", "sad"]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    root, folder = by_speaker(tmp_path / "in"), project(tmp_path / "p")
    init_corpus(root, "mine", root=folder)
    before = (folder / "external/mine.csv").read_bytes()
    both = f"{folder}/external/mine.csv, {folder}/experiments/mine.yaml"
    mend = f"choose another name with --name, or remove first: rm {both.replace(',', '')}"
    with pytest.raises(InputError) as error:
        init_corpus(root, "mine", root=folder)
    assert str(error.value) == f"{both}: there already: {mend}"
    assert (folder / "external/mine.csv").read_bytes() == before


def test_the_command_that_takes_a_field_more_works_as_it_is_printed(tmp_path: Path) -> None:
    """Also beside what the first try has written to params.local.yaml."""
    root, project = by_speaker(tmp_path / "in put"), copy_project(tmp_path / "project")
    written = init_corpus(root, "mine", {"emotion": "part1"}, project.folder)
    own = (project.folder / "params.local.yaml").read_bytes()
    removed, again = written.again.split(" && ")
    places = [f"{project.folder}/{file}" for file in ("external/mine.csv", "experiments/mine.yaml")]
    assert removed == f"if part2 is the sentence: rm {' '.join(places)}"
    assert again == f"ser init corpus '{root}' --name mine --emotion part1 --sentence part2"
    for path in places:
        Path(path).unlink()
    written = init_corpus(root, "mine", {"emotion": "part1", "sentence": "part2"}, project.folder)
    assert {row["sentence"] for row in manifest(project.folder, "mine")} == {"1", "2"}
    assert (written.open, written.changes, written.again) == ([], [], "")
    assert (project.folder / "params.local.yaml").read_bytes() == own


def test_links_to_recordings_elsewhere_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    root, links = by_speaker(tmp_path / "in"), tmp_path / "links"
    for path in root.rglob("*.wav"):
        link = links / path.relative_to(root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    with pytest.raises(InputError) as error:
        init_corpus(links, "mine", root=project(tmp_path / "p"))
    files = "anna/Anger_1.wav, anna/Anger_2.wav, anna/Neutral_1.wav and 21 more"
    assert str(error.value) == (
        f"{links}: 24 recordings are outside it, behind links: {files} (the first is in {root}/anna): "
        "copy the recordings, or take the folder that the links lead to as root"
    )
    assert not (tmp_path / "p/external").exists() and not (tmp_path / "p/params.local.yaml").exists()


def test_what_params_local_lacks_is_added_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of it stays, and the next plan has the corpus."""
    project = copy_project(tmp_path / "project")
    own = project.folder / "params.local.yaml"
    own.write_text(
        "# this machine\r\ncorpora: # mine\r\n\r\n   # none yet\r\nexperiments: {fair: [majority]} # first\r\n"
    )
    root, text = by_speaker(tmp_path / "in"), own.read_bytes()
    own.write_text("corpora: null")
    with pytest.raises(InputError, match=r"params.local.yaml: nothing can be added .*: add corpora: \{mine: "):
        init_corpus(root, "mine", root=project.folder)
    assert not (project.folder / "external").exists() and own.read_text() == "corpora: null"
    own.write_bytes(text)
    written = init_corpus(root, "mine", root=project.folder)
    entry = f'  mine: {{"root": "{tmp_path}/in", "manifest": "external/mine.csv", "on_unreadable": "stop"}}'
    lines = ["# this machine", "corpora: # mine", entry, "", "   # none yet"]
    lines += ["experiments: {fair: [majority], mine: all} # first", "scale: free", ""]
    assert own.read_bytes().decode() == "\r\n".join(lines)
    assert [line for line in written.changes[2:] if line[0] in "+-"] == [
        f"+{entry}",
        "-experiments: {fair: [majority]} # first",
        "+experiments: {fair: [majority], mine: all} # first",
        "+scale: free",
    ]
    monkeypatch.chdir(project.folder)
    planned = load_plan(read_params()).groups
    assert {group.row for group in planned if group.experiment == "mine"} == {"majority", "functionals_svm"}


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("path,speaker\n", "mine", "it has no lines below its column names"),
        ("path,speaker,emotion\na,b\n", "mine", "line 2: not 3 cells"),
        ("path,speaker,emotion\na,b,sad\n", "iemocap", "reads this corpus's release tree"),
        ("path,speaker,emotion\na,b,sad\n", "Mine", "a name has small letters"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, text: str, name: str, line: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=line):
        init_corpus(tmp_path / "t.csv", name, root=project(tmp_path / "p"))
    assert not (tmp_path / "p/external").exists()
