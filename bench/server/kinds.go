package server

import (
	"os/exec"
	"path/filepath"
	"strings"
)

// Skylark is our broker, without a name server unless the settings name one: the rows talk to the broker alone.
func Skylark(binary string) Kind {
	return Kind{Name: "skylark", Broker: true, command: func(_ *Server, conf string) *exec.Cmd {
		return exec.Command(binary, "broker", "-c", conf)
	}}
}

// Namesrv is our name server, for clients that insist on one.
func Namesrv(binary string) Kind {
	return Kind{Name: "namesrv", Broker: true, command: func(_ *Server, conf string) *exec.Cmd {
		return exec.Command(binary, "namesrv", "-c", conf)
	}}
}

// Noop answers every send and stores nothing: the floor that the kernel and the client set. With sync every batch of sends is written
// and flushed before it is answered: the floor that the disk sets.
func Noop(binary string, sync bool) Kind {
	return Kind{Name: "no-op", command: func(s *Server, _ string) *exec.Cmd {
		cmd := exec.Command(binary, "-addr", s.Addr)
		if sync {
			cmd.Args = append(cmd.Args, "-sync", filepath.Join(s.Dir, "blank"))
		}
		return cmd
	}}
}

// Java is the original broker with the collector flags of its own start script and a heap that fits a small machine.
func Java(jars, heap string) Kind {
	return Kind{Name: "Java 5.5.0", Broker: true, command: func(s *Server, conf string) *exec.Cmd {
		args := []string{
			"-Xms" + heap, "-Xmx" + heap, "-XX:+UseG1GC", "-XX:G1HeapRegionSize=16m", "-XX:G1ReservePercent=25",
			"-XX:InitiatingHeapOccupancyPercent=30", "-XX:+AlwaysPreTouch", "-XX:MaxDirectMemorySize=2g", "-Duser.home=" + s.Dir, "-Djava.io.tmpdir=" + s.Dir,
		}
		args = append(args, JavaAccess()...)
		args = append(args, "-cp", filepath.Join(jars, "*"), "org.apache.rocketmq.broker.BrokerStartup", "-c", conf)
		cmd := exec.Command("java", args...)
		cmd.Env = []string{"ROCKETMQ_HOME=" + s.Dir}
		return cmd
	}}
}

// JavaAccess are the flags that open the JDK's internals, which RocketMQ uses.
func JavaAccess() (args []string) {
	for _, p := range strings.Fields("sun.nio.ch jdk.internal.ref") {
		args = append(args, "--add-exports=java.base/"+p+"=ALL-UNNAMED")
	}
	for _, p := range strings.Fields("java.nio sun.nio.ch java.lang java.util") {
		args = append(args, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	return args
}
