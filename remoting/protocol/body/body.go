// Package body has a plain struct for every JSON body of RocketMQ that name server, broker and their clients exchange.
//
// The structs go through internal/javajson, which writes and reads the dialect of fastjson: members in alphabetical order, map keys that
// are numbers or objects without quotes. An isXxx member of a Java class loses its prefix on the wire. Enums are strings with Java's names.
// Java fills what a sender left out with the class's initial values: SetDefaults does it here.
package body

import (
	"fmt"

	"github.com/skylarkmq/skylark/internal/javajson"
)

// Decode reads a JSON body; members that are absent have Java's initial values.
func Decode[T any](data []byte) (*T, error) {
	v := new(T)
	if d, ok := any(v).(javajson.Defaulter); ok {
		d.SetDefaults()
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("body of %T: empty", v)
	}
	if err := javajson.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return v, nil
}

// Encode writes a JSON body.
func Encode(v any) ([]byte, error) {
	return javajson.Marshal(v)
}
