package harness

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// stores is the module of java/pom.xml that opens many stores in one JVM.
const stores = "stores"

// storesLimit bounds one command to that JVM: on a busy machine many brokers start in it at once.
const storesLimit = 8 * time.Minute

// JavaStores is a JVM with any number of Java brokers and stores in it, one after the other or at once. It takes
// commands over a connection and dies with it (java/stores).
type JavaStores struct {
	*Process
	conn net.Conn

	mu      sync.Mutex
	asked   int
	waiting map[int]chan string
}

// StartJavaStores starts one. version is that of the Java broker; "" is the usual one of this module.
func StartJavaStores(t testing.TB, version string) *JavaStores {
	t.Helper()
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	home := t.TempDir()
	// 4.x logs everything to the console unless a file tells it not to.
	quiet := filepath.Join(home, "logback.xml")
	if err := os.WriteFile(quiet, []byte("<configuration/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	jvm := []string{
		"-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxDirectMemorySize=1g", "-Xss512k",
		"-Drocketmq.home.dir=" + home, "-Dlogback.configurationFile=" + quiet,
	}
	args := []string{"-control", strconv.Itoa(control.Addr().(*net.TCPAddr).Port)}
	command := javaCommand(t, stores, home, "skylarkmq.compat.stores.Main", jvm, args)
	if version != "" {
		classPath(command, storesClasses(t), brokerJars(t, version))
	}
	s := &JavaStores{waiting: map[int]chan string{}}
	s.Process = Start(t, "stores", home, []string{"ROCKETMQ_HOME=" + home}, command...)
	if err := control.(*net.TCPListener).SetDeadline(time.Now().Add(startLimit)); err != nil {
		t.Fatal(err)
	}
	if s.conn, err = control.Accept(); err != nil {
		t.Fatalf("the JVM of the stores does not come: %v\n%s", err, s.Tail(30))
	}
	go s.read()
	return s
}

func (s *JavaStores) read() {
	lines := bufio.NewScanner(s.conn)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		number, answer, _ := strings.Cut(lines.Text(), "\t")
		n, _ := strconv.Atoi(number)
		s.mu.Lock()
		if waiting := s.waiting[n]; waiting != nil {
			waiting <- answer
		}
		delete(s.waiting, n)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, waiting := range s.waiting {
		waiting <- "the JVM has ended"
		delete(s.waiting, n)
	}
}

// Do runs one of the commands of java/stores and waits for its end; many may run at once.
func (s *JavaStores) Do(words ...string) error {
	answer := make(chan string, 1)
	s.mu.Lock()
	s.asked++
	n := s.asked
	s.waiting[n] = answer
	_, err := fmt.Fprintf(s.conn, "%d\t%s\n", n, strings.Join(words, "\t"))
	s.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case a := <-answer:
		if a != "ok" {
			return fmt.Errorf("java %s: %s", words, a)
		}
		return nil
	case <-time.After(storesLimit):
		return fmt.Errorf("java %s: no answer within %v\n%s", words, storesLimit, s.Tail(20))
	}
}

// Close ends the JVM; brokers that still run in it are not stopped.
func (s *JavaStores) Close() {
	s.conn.Close()
	s.Kill()
}

func classPath(command []string, parts ...string) {
	for i := range command {
		if command[i] == "-cp" {
			command[i+1] = strings.Join(parts, string(os.PathListSeparator))
		}
	}
}

func storesClasses(t testing.TB) string {
	t.Helper()
	root, err := buildJava()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, stores, "target", "classes")
}

var oldJars sync.Mutex

// brokerJars collects the jars of another version of the Java broker, once; they are not part of the usual build.
func brokerJars(t testing.TB, version string) string {
	t.Helper()
	oldJars.Lock()
	defer oldJars.Unlock()
	root, err := buildJava()
	if err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(root, "target", "broker-"+version)
	done := filepath.Join(lib, "complete")
	if _, err := os.Stat(done); err == nil {
		return filepath.Join(lib, "*")
	}
	if err := maven(filepath.Join(root, server, "pom.xml"), "-Drocketmq.5.version="+version,
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+lib); err != nil {
		t.Fatalf("the jars of the Java broker %s: %v", version, err)
	}
	if err := os.WriteFile(done, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(lib, "*")
}
