# Characters that are hard to write: "\t", '\n', 日本.


def names():
	return ["tab", 'newline', "word"]


def table():
	return {
		"tab": "\t",
		'newline': '\n',
		"backslash": "\\",
		"quotes": "it's \"so\"",
		'path': 'C:\\new\\table',
		"word": "naïve – 日本 – 🐃",
	}


def has(name):
	return name in table()
