package compat_test

import (
	"encoding/binary"
	"testing"
	"time"
)

// answerTime is how long a server may take for what is not immediate.
const answerTime = 40 * time.Second

func nowMs() int64 { return time.Now().UnixMilli() }

// storeTimes are the store timestamps of the records of a pull's answer, IPv4 hosts assumed:
//
//	0       4                          28      36            40          48         56
//	| size  | magic crc queue flag qoff | phy … | sysFlag i32 | born i64  | born host| store i64 |
//	        4  4    4     4    8   8
func storeTimes(t *testing.T, body []byte) (list []int64) {
	t.Helper()
	for len(body) >= 64 {
		size := int(binary.BigEndian.Uint32(body))
		if size < 64 || size > len(body) {
			t.Fatalf("a record of %d bytes in %d", size, len(body))
		}
		list = append(list, int64(binary.BigEndian.Uint64(body[56:])))
		body = body[size:]
	}
	if len(body) != 0 {
		t.Fatalf("%d bytes left behind the records", len(body))
	}
	return list
}
