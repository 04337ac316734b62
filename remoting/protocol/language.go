package protocol

import "strconv"

// Language is what a peer says it is written in. Only connection lists show it, and one admin request depends on it.
type Language byte

// The languages of LanguageCode.
const (
	Java Language = iota
	CPP
	DotNet
	Python
	Delphi
	Erlang
	Ruby
	Other
	HTTP
	Go
	PHP
	OMS
	Rust
	NodeJS
)

var languageNames = [...]string{
	"JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP", "OMS", "RUST", "NODE_JS",
}

// String is the enum name that the JSON form and connection lists carry.
func (l Language) String() string {
	if int(l) < len(languageNames) {
		return languageNames[l]
	}
	return languageNames[Other]
}

// languageByName reads the enum name, or its number as text. Java is left with null for anything unknown and fails later; Other is the kinder answer.
func languageByName(name []byte) Language {
	if string(name) == "JAVA" {
		return Java
	}
	for i, known := range languageNames {
		if string(name) == known {
			return Language(i)
		}
	}
	if n, err := strconv.ParseUint(string(name), 10, 8); err == nil {
		return languageByNumber(byte(n))
	}
	return Other
}

func languageByNumber(n byte) Language {
	if int(n) < len(languageNames) {
		return Language(n)
	}
	return Other
}
