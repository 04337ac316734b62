package skylarkmq.compat.mqadmin;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;

/**
 * Runs the official operator's tool against a cluster with one broker and writes what it printed, a block a command. Starting
 * a JVM for every command would take minutes, so all run in this one.
 */
public final class Main {
    private Main() {
    }

    public static void main(String[] args) throws Exception {
        String nameServer = null;
        String broker = null;
        String out = null;
        String session = "day";
        for (int i = 0; i + 1 < args.length; i += 2) {
            switch (args[i]) {
                case "-n": nameServer = args[i + 1]; break;
                case "-b": broker = args[i + 1]; break;
                case "-out": out = args[i + 1]; break;
                case "-session": session = args[i + 1]; break;
                default: throw new IllegalArgumentException("unknown argument " + args[i]);
            }
        }
        if (nameServer == null || broker == null || out == null) {
            throw new IllegalArgumentException("-n host:port, -b host:port and -out file are required");
        }
        // Read by a static initialiser of the client. By default it looks every 20 s whether its queues are still its own.
        System.setProperty("rocketmq.client.rebalance.waitInterval", "2000");
        Tool tool = new Tool(nameServer);
        int failed = 0;
        try {
            run(session, tool, nameServer, broker);
        } catch (Throwable e) {
            failed = 1;
            tool.fail(e);
            e.printStackTrace();
        }
        Files.write(Paths.get(out), tool.transcript().getBytes(StandardCharsets.UTF_8));
        System.out.println((failed == 0 ? "PASS" : "FAIL") + " mqadmin");
        // The tool's clients leave threads behind.
        System.exit(failed);
    }

    private static void run(String session, Tool tool, String nameServer, String broker) throws Exception {
        switch (session) {
            case "day":
                try (Clients clients = new Clients(nameServer)) {
                    new Session(tool, clients, broker).run();
                }
                break;
            case "traces":
                try (Traces traces = new Traces(tool, nameServer, broker)) {
                    traces.run();
                }
                break;
            default: throw new IllegalArgumentException("unknown session " + session);
        }
    }
}
