from client import connect


def test_a_client_keeps_its_address():
    assert connect("barn")[0] == "barn"
