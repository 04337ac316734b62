package harness

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The modules of java/pom.xml.
const (
	Client49 = "client-4.9" // scenarios with rocketmq-client 4.9.8
	Client55 = "client-5.5" // the same sources with rocketmq-client 5.5.0
	MQAdmin  = "mqadmin"    // the official operator's tool
	server   = "server"     // the Java name server and broker

	Selectors = "selectors" // the evaluator of SQL92 filters alone
)

// JDK 17 hides what the Java broker and its libraries reach into.
var openJDK = []string{
	"--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
	"--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
	"--add-opens=java.base/java.nio=ALL-UNNAMED",
	"--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
	"--add-opens=java.base/java.lang=ALL-UNNAMED",
	"--add-opens=java.base/java.util=ALL-UNNAMED",
}

// buildJava compiles the scenarios and collects the jars, once a process, and not at all when nothing has changed since
// the last time.
var buildJava = sync.OnceValues(func() (string, error) {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%s not found: the compatibility tests need a JDK (17 or later) and Maven "+
				"(Debian: openjdk-17-jdk-headless and maven)", tool)
		}
	}
	root, err := filepath.Abs("java")
	if err != nil {
		return "", err
	}
	sum, err := sourceSum(root)
	if err != nil {
		return "", err
	}
	stamp := filepath.Join(root, "target", "built-from")
	if last, err := os.ReadFile(stamp); err == nil && string(last) == sum {
		return root, nil
	}
	if err := maven(filepath.Join(root, "pom.xml"), "process-classes"); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(stamp), 0o755); err != nil {
		return "", err
	}
	return root, os.WriteFile(stamp, []byte(sum), 0o644)
})

// maven runs it on one pom.
func maven(pom string, args ...string) error {
	build := exec.Command("mvn", append([]string{"-q", "-B", "-f", pom}, args...)...)
	// A JVM asks the user database for its home and takes "?" when it is not in there, as in a container with a foreign
	// user id: Maven would then keep its repository under the working directory.
	if home, err := os.UserHomeDir(); err == nil {
		build.Env = append(os.Environ(), "MAVEN_OPTS="+os.Getenv("MAVEN_OPTS")+" -Duser.home="+home)
	}
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("maven: %w\n%s", err, out)
	}
	return nil
}

// sourceSum changes with every source file and every missing build result.
func sourceSum(root string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "target" || d.Name() == "?"):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		text, err := os.ReadFile(path)
		fmt.Fprintln(h, path, len(text))
		h.Write(text)
		return err
	})
	for _, module := range []string{Client49, Client55, MQAdmin, Selectors, server, stores} {
		if _, err := os.Stat(filepath.Join(root, module, "target", "lib")); err != nil {
			fmt.Fprintln(h, module, "is not built")
		}
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// javaCommand returns the command that runs a class of a module; home receives what clients and servers write into the
// user's home (logs, broadcast offsets) and into the temporary directory (keys of theirs, which they leave behind).
func javaCommand(t testing.TB, module, home, class string, jvm, args []string) []string {
	t.Helper()
	root, err := buildJava()
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(root, module, "target")
	command := []string{"java", "-Duser.home=" + home, "-Djava.io.tmpdir=" + home, "-Xshare:auto"}
	command = append(command, openJDK...)
	command = append(command, jvm...)
	command = append(command, "-cp", filepath.Join(target, "classes")+string(os.PathListSeparator)+filepath.Join(target, "lib", "*"), class)
	return append(command, args...)
}

// Runner is a run of one of our Java main programs, which prints its results and writes a transcript.
type Runner struct {
	Module    string
	Class     string
	Serialize string // JSON or ROCKETMQ; JSON when empty
	IPv4      bool   // the ids the client makes have 16 bytes on every machine, so that sizes and offsets are the same
	Args      []string
	Limit     time.Duration // of the run; 0: five minutes
}

// Run runs the program to its end and returns the transcript it wrote. A failed scenario does not end the test here:
// its transcript differs from the recorded one and says why.
func (r Runner) Run(t testing.TB) string {
	t.Helper()
	home := t.TempDir()
	out := filepath.Join(home, "transcript.txt")
	serialize := r.Serialize
	if serialize == "" {
		serialize = "JSON"
	}
	// A JVM that lives for half a minute: a small heap, one collector thread, no time spent in the optimising compiler.
	jvm := []string{
		"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Drocketmq.serialize.type=" + serialize,
		"-Drocketmq.home.dir=" + home,
	}
	if r.IPv4 {
		jvm = append(jvm, "-Djava.net.preferIPv4Stack=true")
	}
	p := Start(t, "runner", home, nil, javaCommand(t, r.Module, home, r.Class, jvm, append(r.Args, "-out", out))...)
	err := p.Wait(cmp.Or(r.Limit, runLimit))
	for _, line := range strings.Split(p.Output(), "\n") {
		if strings.HasPrefix(line, "PASS ") || strings.HasPrefix(line, "FAIL ") {
			t.Logf("%s %s: %s", r.Module, serialize, line)
		}
	}
	text, readErr := os.ReadFile(out)
	if readErr != nil {
		t.Fatalf("%s wrote no transcript (%v)\n%s", r.Class, err, p.Tail(60))
	}
	if err != nil {
		t.Errorf("%s: %v\n%s", r.Class, err, p.Tail(60))
	}
	return string(text)
}
