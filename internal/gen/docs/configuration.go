package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/nameserv"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/store"
)

// home stands for the user's in the defaults, wherever the generator runs.
const home = "$HOME"

// hostOwn are the settings whose default is this host's; the page says so instead of naming it.
var hostOwn = map[string]string{
	"brokerName": "the host's name", "brokerIP1": "the address that the Java broker finds: the last public one, or else the first, of interfaces that are up and no bridge, tunnel or loopback", "brokerIP2": "as brokerIP1",
	"namesrvAddr": "$NAMESRV_ADDR", "rocketmqHome": "$ROCKETMQ_HOME",
}

type page struct {
	title, intro string
	dir          string // of the package, where the comments are
	idle         bool   // nothing acts on these: no change of theirs has an effect
	rows         []setting
}

type setting struct {
	name, kind, value, comment string
	hot                        bool
}

func configurationPage(root string) (string, error) {
	for name, value := range map[string]string{"HOME": home, "NAMESRV_ADDR": "", "ROCKETMQ_HOME": ""} {
		if err := os.Setenv(name, value); err != nil {
			return "", err
		}
	}
	files := store.Defaults()
	files.StorePathRootDir = home + "/store"
	server := remoting.DefaultConfig()
	server.ListenPort = broker.DefaultPort
	pages := []page{
		section("Broker", "What a broker acts on.", "broker", broker.DefaultConfig()),
		section("Store", "Names of MessageStoreConfig, and three of ours.", "store", files),
		section("Network", "Names of NettyServerConfig, the TLS properties, and bounds of our own. For a broker and a name server alike.", "remoting", server),
		section("Calls to others", "Names of NettyClientConfig: a broker's calls to name servers and to other brokers of its name.", "remoting", remoting.DefaultClientConfig()),
		section("Name server", "What namesrv.conf can say; its network settings are those above. `mqadmin updateNamesrvConfig` changes what is marked hot and refuses the rest.", "nameserv", nameserv.Defaults()),
		idle("Taken and shown, without effect", "Names of the Java broker that mean nothing here: features that this version lacks, "+
			"thread pools that it has no need of. A broker.conf with them loads, and getBrokerConfig shows them; updateBrokerConfig changes what is shown. One that switches on access rules or the controller stops the start; "+
			"one that an operator relies on (fetchNamesrvAddrByAddressServer, "+
			"disableConsumeIfConsumerReadSlowly, coldDataFlowControlEnable, recallMessageEnable) is a warning at start. "+
			"What enableNetWorkFlowControl bounds, answers that a client does not read, is bounded always: maxPendingBytesPerConnection.", "broker", broker.DefaultAccepted()),
		idle("Without effect: store", "Names of MessageStoreConfig, likewise: of parts that this version lacks (most of the timer wheel, compaction, RocksDB, "+
			"DLedger, replication, cold data, the transient pool), and of Java's ways of doing what is done here in another. The meaning is Java's. "+
			"One that puts messages where this version does not find them stops the start.", "store", files.Accepted),
		idle("Without effect: name server", "Names of a namesrv.conf, likewise. The meaning is Java's. `mqadmin updateNamesrvConfig` changes productEnvName; the others it refuses.",
			"nameserv", nameserv.Defaults().Accepted),
	}
	var b strings.Builder
	b.WriteString(configurationHead)
	for _, p := range pages {
		if err := p.comments(root); err != nil {
			return "", err
		}
		p.write(&b)
	}
	return b.String(), nil
}

const configurationHead = `<!-- Written by make gen from the settings structs. Do not edit. -->
# Configuration

A broker reads a ` + "`broker.conf`" + ` and a name server a ` + "`namesrv.conf`" + ` of Apache RocketMQ unchanged: ` + "`skylark broker -c broker.conf`" + `. They are
Java property files. A number that is none is ignored and the default stays, a time of more than 292 years counts as 292 years; only ` + "`true`" + ` in any case is true; names that
nobody knows are kept, named once at start, and shown by ` + "`mqadmin getBrokerConfig`" + `.

Settings marked **hot** take effect when ` + "`mqadmin updateBrokerConfig`" + ` changes them; others are recorded and take effect at the next start,
which a line in the broker's log says. Nothing acts on those of the last three tables, whatever their value. They are written to the file given with ` + "`-c`" + `; without one to ` + "`$HOME/store/config/broker.properties`" + `, as from the Java
broker (standalone: ` + "`config/broker.properties`" + ` of the store), which a start reads only when ` + "`-c`" + ` names it. Refused are names of the black list, paths, file sizes,
keys and secrets, who the broker is and where it listens, the bounds that Java does not have, and values with which the next start would be refused.
The environment: ` + "`NAMESRV_ADDR`" + ` (name servers of a broker), ` + "`GOMEMLIMIT`" + ` (a soft limit of the heap alone, such as 512MiB), ` + "`GOMAXPROCS`" + `
(threads that run at once; one more than there are cores), ` + "`SKYLARK_LOG_LEVEL`" + ` (debug, info, warn, error).
A line of the log has 4 KiB at most, and of lines with the same message 500 a minute are written; audit and debug lines are not counted.

`

// idle is a section of settings that nothing acts on.
func idle[T any](title, intro, dir string, defaults T) page {
	p := section(title, intro, dir, defaults)
	p.idle = true
	return p
}

// accepted is the name of the types that hold such settings: each is embedded in the Config of its package, or stands beside it.
const accepted = "Accepted"

func section[T any](title, intro, dir string, defaults T) page {
	p := page{title: title, intro: intro, dir: dir}
	values := make(map[string]string)
	for _, kv := range config.NewSet(config.NewSection(defaults)).Flat() {
		values[kv[0]] = kv[1]
	}
	p.collect(reflect.TypeFor[T](), values)
	slices.SortFunc(p.rows, func(a, b setting) int { return strings.Compare(a.name, b.name) })
	return p
}

func (p *page) collect(t reflect.Type, values map[string]string) {
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("conf")
		if f.Anonymous && !tagged {
			if f.Name == accepted {
				continue // they have a page of their own
			}
			p.collect(f.Type, values)
			continue
		}
		if !tagged {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		value, ok := hostOwn[name]
		if !ok {
			value = values[name]
			if value != "" {
				value = "`" + value + "`"
			}
		}
		kind := f.Type.String()
		if f.Type.PkgPath() != "" {
			kind = "name" // an enumeration
		}
		p.rows = append(p.rows, setting{name: name, kind: kind, value: value, hot: strings.Contains(options, "hot")})
	}
}

// comments finds what the source says above or beside each field.
func (p *page) comments(root string) error {
	found := make(map[string]string)
	files, err := filepath.Glob(filepath.Join(root, p.dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			f, ok := n.(*ast.Field)
			if !ok || f.Tag == nil {
				return true
			}
			tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("conf")
			if setting, _, _ := strings.Cut(tag, ","); setting != "" && len(f.Names) == 1 {
				found[setting] = fieldComment(f)
			}
			return true
		})
	}
	for i := range p.rows {
		p.rows[i].comment = found[p.rows[i].name]
	}
	return nil
}

// fieldComment is the comment without the name of the field at its start.
func fieldComment(f *ast.Field) string {
	text := f.Doc.Text()
	if text == "" {
		text = f.Comment.Text()
	}
	text = strings.Join(strings.Fields(text), " ")
	for _, start := range []string{f.Names[0].Name + ": ", f.Names[0].Name + " is "} {
		if rest, ok := strings.CutPrefix(text, start); ok {
			return rest
		}
	}
	return text
}

func (p *page) write(b *strings.Builder) {
	fmt.Fprintf(b, "## %s\n\n%s\n\n", p.title, p.intro)
	if p.idle {
		b.WriteString("| name | default | meaning |\n|---|---|---|\n")
	} else {
		b.WriteString("| name | default | | meaning |\n|---|---|---|---|\n")
	}
	for _, r := range p.rows {
		when := ""
		switch {
		case p.idle:
		case r.hot:
			when = " hot |"
		default:
			when = "  |"
		}
		fmt.Fprintf(b, "| `%s` | %s |%s %s |\n", r.name, r.value, when, strings.ReplaceAll(r.comment, "|", `\|`))
	}
	b.WriteString("\n")
}
