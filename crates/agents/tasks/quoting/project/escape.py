# Characters that are hard to write: "\t", '\n', 日本.


def names():
	return ["tab", 'newline', "word"]


def table():
	# "not\yet"
	return {"tab": '?'}


def has(name):
	return name in table()
