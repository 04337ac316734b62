// Package javajson reads and writes JSON the way fastjson does for the Java broker and its clients, which is not quite JSON.
//
// Written (Marshal): members of structs sorted by name, map keys that are not strings bare (`{0:"a"}`, `{{"queueId":0}:7}`), doubles
// as Java prints them (`5.0`), byte arrays in base64, raw UTF-8, nothing for null. MarshalStrict is for readers of real JSON,
// MarshalPretty for files.
//
// Read (Unmarshal): all of that, and what old clients send besides: unquoted and single-quoted names, names in another case, object
// keys in quotes, numbers as strings and strings as numbers, comments, stray commas, `$ref`. Input is hostile: depth is bounded, and
// what is allocated is proportional to the length of the input.
//
// Struct fields use the tags of encoding/json: `json:"name,omitempty"`, `json:"-"`. A field without a tag has its own name with a
// small first letter. Embedded structs count as written out.
package javajson

import "errors"

// MaxDepth bounds the nesting of what is read. The deepest body of RocketMQ has nine levels.
const MaxDepth = 32

// ErrDepth: the input nests deeper than MaxDepth.
var ErrDepth = errors.New("nested too deep")

// Raw is JSON text taken over as it stands, both ways.
type Raw []byte

// A Defaulter sets the values that absent members have, like the constructor of a Java bean. Unmarshal calls it on every value it
// creates itself (elements of lists and maps, targets of nil pointers), not on the one it is given.
type Defaulter interface{ SetDefaults() }
