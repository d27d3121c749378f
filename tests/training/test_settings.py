from training.settings import TrainingSettings


def test_exports_do_not_depend_on_what_a_night_rehearses_among():
    dumped = [TrainingSettings(training_documents=shown).model_dump() for shown in (False, True)]
    assert dumped[0] == dumped[1] != {}
