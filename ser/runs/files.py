"""The files in a run's folder: metrics.json, written last, describes the others (sealed.py)."""

TEST_EPOCHS = "test_epochs.safetensors"
KEPT = ("predictions.csv", "history.csv", TEST_EPOCHS)
MODEL = "model.safetensors"  # removed at once where compute.keep_models is false
