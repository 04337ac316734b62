package message

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/clock"
)

type vector struct {
	Name, Hex, TextHex, ID, Host, Topic, Body, BornHost, StoreHost string
	IP, LoaderHash                                                 string
	Port, Pid, Counter                                             uint16
	CommitLogOffset, QueueOffset, BornTimestamp, StoreTimestamp    int64
	MillisSinceMonthStart                                          int64
	QueueID, BodyCrc32, Flag                                       int32
	Props, Properties                                              [][2]string
	Parsed                                                         map[string]string
	TagA, TagB                                                     int32
}

func vectors(t testing.TB) map[string]vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	byName := map[string]vector{}
	for _, v := range list {
		byName[v.Name] = v
	}
	return byName
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStoredMessageVector(t *testing.T) {
	t.Parallel()
	v := vectors(t)["stored_message_v1"]
	want := unhex(t, v.Hex)
	m := Message{
		Topic: v.Topic, QueueID: v.QueueID, BornTimestamp: v.BornTimestamp,
		BornHost: netip.MustParseAddrPort(v.BornHost), StoreHost: netip.MustParseAddrPort(v.StoreHost),
		Body: []byte(v.Body), Properties: AppendProperty(nil, v.Properties[0][0], v.Properties[0][1]),
	}
	rec, err := Encoding{LongTopics: true}.AppendRecord(nil, &m)
	if err != nil {
		t.Fatal(err)
	}
	Patch(rec, StoreTimestampAt(rec), v.QueueOffset, v.CommitLogOffset, v.StoreTimestamp)
	if !bytes.Equal(rec, want) {
		t.Fatalf("encoded\n%x, want\n%x", rec, want)
	}
	var view View
	if err := Decode(append(want, "what follows in the file"...), &view); err != nil {
		t.Fatal(err)
	}
	if err := view.CheckBody(); err != nil {
		t.Fatal(err)
	}
	if view.BodyCRC != v.BodyCrc32 || view.QueueOffset != 2 || view.PhyOffset != 3 || view.BornHost != m.BornHost ||
		view.StoreHost != m.StoreHost || string(view.Topic) != "T" || string(view.Body) != "hi" || string(view.Properties) != "a\x01b\x02" {
		t.Fatalf("decoded %+v", view)
	}
}

func TestRecordsOfAllKinds(t *testing.T) {
	t.Parallel()
	v4, v6 := netip.MustParseAddrPort("10.1.2.3:10911"), netip.MustParseAddrPort("[2001:db8::7]:65535")
	long := strings.Repeat("t", 128)
	for _, c := range []struct {
		name        string
		born, store netip.AddrPort
		topic       string
		body, props string
		magic       uint32
		flags       int32
	}{
		{"IPv4", v4, v4, "T", "body", "a\x01b\x02", MagicV1, 0},
		{"IPv6 born", v6, v4, "T", "body", "", MagicV1, FlagBornHostV6},
		{"IPv6 store", v4, v6, "T", "", "a\x01b\x02", MagicV1, FlagStoreHostV6},
		{"IPv6 both, topic of 128", v6, v6, long, "x", "a\x01b", MagicV2, FlagBornHostV6 | FlagStoreHostV6},
		{"topic of 127, nothing else", v4, v4, long[:127], "", "", MagicV1, 0},
	} {
		for _, sealed := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				m := Message{
					Topic: c.topic, QueueID: 3, Flag: -7, SysFlag: FlagCompressed, BornTimestamp: 11, BornHost: c.born,
					StoreHost: c.store, ReconsumeTimes: 2, PreparedTransactionOffset: 99, Body: []byte(c.body), Properties: []byte(c.props),
				}
				rec, err := Encoding{LongTopics: true, PropertyCRC: sealed}.AppendRecord(nil, &m)
				if err != nil {
					t.Fatal(err)
				}
				Patch(rec, StoreTimestampAt(rec), 5, 6, 7)
				props := c.props
				if sealed {
					SealCRC(rec)
					if err := CheckPropertyCRC(rec); err != nil {
						t.Fatal(err)
					}
					rec[70] ^= 1
					if err := CheckPropertyCRC(rec); !errors.Is(err, ErrCorrupt) {
						t.Fatalf("a flipped bit: %v", err)
					}
					rec[70] ^= 1
					if props != "" && props[len(props)-1] != 2 {
						props += "\x02"
					}
					props += string(rec[len(rec)-crcTail:])
				}
				var v View
				if err := Decode(rec, &v); err != nil {
					t.Fatal(err)
				}
				want := View{
					Size: int32(len(rec)), Magic: c.magic, BodyCRC: CRC(m.Body), QueueID: 3, Flag: -7, SysFlag: FlagCompressed | c.flags,
					QueueOffset: 5, PhyOffset: 6, BornTimestamp: 11, BornHost: c.born, StoreTimestamp: 7, StoreHost: c.store, ReconsumeTimes: 2,
					PreparedTransactionOffset: 99, Body: []byte(c.body), Topic: []byte(c.topic), Properties: []byte(props),
				}
				if d := cmp.Diff(want, v, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); d != "" {
					t.Fatal(d)
				}
				for cut := range len(rec) {
					if err := Decode(rec[:cut], &v); !errors.Is(err, ErrShort) {
						t.Fatalf("cut at %d: %v", cut, err)
					}
				}
			})
		}
	}
}

func TestRefusedByTheEncoder(t *testing.T) {
	t.Parallel()
	long := Message{Topic: strings.Repeat("t", 128)}
	if _, err := (Encoding{}).AppendRecord(nil, &long); !errors.Is(err, ErrTopicLength) {
		t.Errorf("topic of 128 in version 1: %v", err)
	}
	wide := Message{Topic: "T", Properties: make([]byte, PropertiesMax+1)}
	if dst, err := (Encoding{}).AppendRecord([]byte("x"), &wide); !errors.Is(err, ErrPropertiesLength) || string(dst) != "x" {
		t.Errorf("properties of 32768: %v", err)
	}
	wide.Properties = wide.Properties[:PropertiesMax-19]
	if _, err := (Encoding{PropertyCRC: true}).AppendRecord(nil, &wide); !errors.Is(err, ErrPropertiesLength) {
		t.Errorf("properties without room for the sum: %v", err)
	}
}

func TestCRCDigits(t *testing.T) {
	t.Parallel()
	// 1332668207 is stored as 7028662331: the digits from the last to the first.
	rec := make([]byte, MinSize+crcTail)
	SealCRC(rec)
	digits := rec[len(rec)-11 : len(rec)-1]
	want := uint32(CRC(rec[:len(rec)-crcTail]))
	var got uint32
	for i := 9; i >= 0; i-- {
		got = got*10 + uint32(digits[i]-'0')
	}
	if got != want {
		t.Fatalf("digits %s, want %d reversed", digits, want)
	}
}

func TestPropertyVectors(t *testing.T) {
	t.Parallel()
	vs := vectors(t)
	var props []byte
	for _, p := range vs["properties_string"].Props {
		props = AppendProperty(props, p[0], p[1])
	}
	if got, want := hex.EncodeToString(props), vs["properties_string"].Hex; got != want {
		t.Errorf("encoded %s, want %s", got, want)
	}
	for _, name := range []string{"properties_parse_no_trailing_separator", "properties_parse_odd"} {
		got := map[string]string{}
		EachProperty(unhex(t, vs[name].TextHex), func(n, v []byte) bool { got[string(n)] = string(v); return true })
		if d := cmp.Diff(vs[name].Parsed, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	props := []byte("a\x01first\x02bb\x01x\x02a\x01last\x02empty\x01\x02tail\x01end")
	if v, ok := Property(props, "a"); !ok || string(v) != "last" {
		t.Errorf("of a name that comes twice: %q %v", v, ok)
	}
	if _, ok := Property(props, "empty"); ok {
		t.Error("an empty value was read back")
	}
	if v, ok := Property(props, "tail"); !ok || string(v) != "end" {
		t.Errorf("last pair without its end: %q %v", v, ok)
	}
	if got := string(AppendProperty(append([]byte(nil), props...), "n", "v")); !strings.HasSuffix(got, "tail\x01end\x02n\x01v\x02") {
		t.Errorf("added after an open pair: %q", got)
	}
	if got := string(DeleteProperty(props, "a")); got != "bb\x01x\x02empty\x01\x02tail\x01end" {
		t.Errorf("without a: %q", got)
	}
	if got := DeleteProperty(props, "absent"); &got[0] != &props[0] {
		t.Error("copied although nothing was deleted")
	}
}

func TestHashes(t *testing.T) {
	t.Parallel()
	v := vectors(t)["tag_hash_java_string_hashcode"]
	if HashCode("TagA") != v.TagA || HashCode([]byte("TagB")) != v.TagB {
		t.Error("tags of the vectors")
	}
	for text, want := range map[string]int32{"": 0, "AaAaAa": HashCode("BBBBBB"), "标签": 857175, "😀": 1772899} {
		if got := HashCode(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if HashOn(HashCode("T#"), []byte("k")) != HashCode("T#k") {
		t.Error("hash on a prefix")
	}
	if IndexHash(-2147483648) != 0 || IndexHash(-5) != 5 || IndexHash(5) != 5 {
		t.Error("index hash")
	}
}

// TestHashOfAnyLength: texts of all lengths, with something else than ASCII at any place.
func TestHashOfAnyLength(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 70 {
		for range 20 {
			text := make([]rune, n)
			for i := range text {
				text[i] = rune(1 + r.IntN(127))
			}
			if n > 0 && r.IntN(3) == 0 {
				text[r.IntN(n)] = []rune{0x80, '签', '😀'}[r.IntN(3)]
			}
			first := int32(r.Uint32())
			want := first
			for _, unit := range utf16.Encode(text) {
				want = 31*want + int32(unit)
			}
			if got := HashOn(first, string(text)); got != want {
				t.Fatalf("%d and %q: %d, want %d", first, string(text), got, want)
			}
			if got := HashOn(first, []byte(string(text))); got != want {
				t.Fatalf("%d and the bytes of %q: %d, want %d", first, string(text), got, want)
			}
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"offset_msg_id_ipv4", "offset_msg_id_ipv6"} {
		v := vectors(t)[name]
		host := netip.AddrPortFrom(netip.MustParseAddr(v.Host), v.Port)
		if got := string(AppendOffsetMsgID(nil, host, v.CommitLogOffset)); got != v.ID {
			t.Errorf("%s: %s, want %s", name, got, v.ID)
		}
		h, phy, err := ParseOffsetMsgID(v.ID)
		if err != nil || h != host || phy != v.CommitLogOffset {
			t.Errorf("%s: parsed %v %d %v", name, h, phy, err)
		}
	}
	for _, bad := range []string{"", "C0A8010A00002A9F00000012345678", strings.Repeat("Z", 32), "C0A8010A00012A9F000000123456789A"} {
		if _, _, err := ParseOffsetMsgID(bad); err == nil {
			t.Errorf("%q was parsed", bad)
		}
	}
}

func TestUniqIDs(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.Date(2026, 11, 30, 23, 59, 59, 0, time.Local))
	ids := NewUniqIDs(clk, netip.MustParseAddr("127.0.0.1"))
	first := string(ids.Append(nil))
	if len(first) != 32 || !strings.HasPrefix(first, "7F000001") || !strings.HasSuffix(first, "0000") {
		t.Errorf("id %s", first)
	}
	if second := string(ids.Append(nil)); second[:28] != first[:28] || !strings.HasSuffix(second, "0001") {
		t.Errorf("second id %s after %s", second, first)
	}
	clk.Advance(2 * time.Second)
	if third := string(ids.Append(nil)); third[20:28] != "000003E8" {
		t.Errorf("one second into the month: %s", third)
	}
	if v6 := NewUniqIDs(clk, netip.MustParseAddr("fd00::1")).Append(nil); len(v6) != 56 {
		t.Errorf("IPv6 id %s", v6)
	}
}

// TestUniqIDVectors makes ids of a Java client again, in its process at its moment.
func TestUniqIDVectors(t *testing.T) {
	t.Parallel()
	vs := vectors(t)
	v4 := vs["client_uniq_id_ipv4_decode"]
	v6 := vs["client_uniq_id_16byte_ip_sample"]
	// Of the one with 16 bytes of address no parts are noted: the id itself says them, where ours has them.
	v6.IP, v6.LoaderHash = "fd00::2", v6.ID[36:44]
	v6.Pid = binary.BigEndian.Uint16(unhex(t, v6.ID[32:36]))
	v6.MillisSinceMonthStart = int64(binary.BigEndian.Uint32(unhex(t, v6.ID[44:52])))
	if days := time.Duration(v6.MillisSinceMonthStart) * time.Millisecond / (24 * time.Hour); days > 31 {
		t.Errorf("%s was made %d days into its month", v6.ID, days)
	}
	for _, v := range []vector{v4, v6} {
		clk := clock.NewFake(time.Date(2026, 5, 1, 0, 0, 0, 0, time.Local).Add(time.Duration(v.MillisSinceMonthStart) * time.Millisecond))
		fixed := binary.BigEndian.AppendUint16(netip.MustParseAddr(v.IP).AsSlice(), v.Pid)
		ids := &UniqIDs{clk: clk, prefix: appendHex(nil, append(fixed, unhex(t, v.LoaderHash)...))}
		ids.counter.Store(uint32(v.Counter))
		if got := string(ids.Append(nil)); got != v.ID {
			t.Errorf("%s: %s, want %s", v.Name, got, v.ID)
		}
	}
}

func TestBatchElements(t *testing.T) {
	t.Parallel()
	v := vectors(t)["batch_element"]
	raw := unhex(t, v.Hex)
	two := append(append([]byte(nil), raw...), raw...)
	n := 0
	err := EachBatchElement(two, func(e BatchElement) error {
		n++
		if string(e.Body) != v.Body || e.Flag != v.Flag || !bytes.Equal(AppendBatchElement(nil, e), raw) {
			t.Errorf("element %+v", e)
		}
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d elements, %v", n, err)
	}
	for cut := 1; cut < len(raw); cut++ {
		if err := EachBatchElement(raw[:cut], func(BatchElement) error { return nil }); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

func TestSafeTopic(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]bool{
		"T": true, "%RETRY%g+t": true, "..a": true, ".hidden": true, "": false, ".": false, "..": false, "../x": false, "a/b": false,
		"a\\b": false, "a\x00b": false, "a\nb": false, strings.Repeat("t", 255): true, strings.Repeat("t", 256): false,
	} {
		if got := SafeTopic(topic); got != want {
			t.Errorf("%q: %v", topic, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(unhex(f, vectors(f)["stored_message_v1"].Hex))
	m := Message{Topic: strings.Repeat("t", 200), BornHost: netip.MustParseAddrPort("[::1]:1"), Body: []byte("b"), Properties: []byte("a\x01b\x02")}
	rec, err := Encoding{LongTopics: true, PropertyCRC: true}.AppendRecord(nil, &m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rec)
	f.Fuzz(func(t *testing.T, data []byte) {
		var v View
		if err := Decode(data, &v); err != nil {
			return
		}
		_ = v.CheckBody()
		_ = CheckPropertyCRC(data[:v.Size])
		if sum := len(v.Body) + len(v.Topic) + len(v.Properties); sum > len(data) {
			t.Fatalf("%d bytes out of %d", sum, len(data))
		}
	})
}

func FuzzBatch(f *testing.F) {
	f.Add(unhex(f, vectors(f)["batch_element"].Hex))
	f.Fuzz(func(t *testing.T, data []byte) {
		total := 0
		_ = EachBatchElement(data, func(e BatchElement) error { total += len(e.Body) + len(e.Properties) + 22; return nil })
		if total > len(data) {
			t.Fatalf("%d bytes out of %d", total, len(data))
		}
	})
}

// TestSumOfCopy: a copy of a record whose body was damaged since does not vouch for it.
func TestSumOfCopy(t *testing.T) {
	t.Parallel()
	m := Message{Topic: "T", Body: []byte("damaged"), BodyCRC: CRC([]byte("as sent")), Summed: true}
	rec, err := Encoding{}.AppendRecord(nil, &m)
	if err != nil {
		t.Fatal(err)
	}
	var v View
	if err := Decode(rec, &v); err != nil {
		t.Fatal(err)
	}
	if v.BodyCRC != m.BodyCRC || v.CheckBody() == nil {
		t.Errorf("sum %d of a damaged body, want %d", v.BodyCRC, m.BodyCRC)
	}
}
