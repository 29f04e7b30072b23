import notes
import report
import storage


def test_notes_are_loaded_by_the_new_name():
    assert storage.load_notes("mon") == "buy hay"
    assert not hasattr(storage, "load")


def test_the_rest_works():
    assert notes.show_all() == ["* buy hay", "* shear two yaks"]
    assert report.workload() == 5
