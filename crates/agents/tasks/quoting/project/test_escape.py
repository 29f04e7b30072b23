from escape import has, table


def test_the_table_is_complete():
    assert len(table()) == 6
    assert table()["tab"] == chr(9)
    assert table()["newline"] == chr(10)
    assert has("word")
