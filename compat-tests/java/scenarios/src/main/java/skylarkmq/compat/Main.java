package skylarkmq.compat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Runs the scenarios against the name server given by -n and prints a line for each; with -out also writes the transcripts,
 * sorted by scenario, ready to be compared with those of another server. Exit code 1 when one failed.
 */
public final class Main {
    private Main() {
    }

    public static void main(String[] args) throws Exception {
        Options options = Options.parse(args);
        // Read by static initialisers of the clients: set before the first client class is loaded.
        System.setProperty("tls.enable", Boolean.toString(options.tls));
        // A client looks whether its queues are still its own every 20 s by default, and keeps a lock 20 s after losing a
        // queue. The broker's part does not depend on it, and the scenarios need not wait for it.
        System.setProperty("rocketmq.client.rebalance.waitInterval", "2000");
        System.setProperty("rocketmq.client.rebalance.lockInterval", "2000");
        System.setProperty("rocketmq.client.unlockDelayTimeMills", "1000");

        List<Scenario> chosen = choose(options);
        ExecutorService pool = Executors.newFixedThreadPool(options.parallel);
        Map<Scenario, Future<Result>> running = new LinkedHashMap<>();
        for (Scenario s : chosen) {
            running.put(s, pool.submit(() -> run(s, options)));
        }
        StringBuilder transcripts = new StringBuilder();
        int failed = 0;
        for (Map.Entry<Scenario, Future<Result>> e : running.entrySet()) {
            Result r = e.getValue().get();
            String name = e.getKey().name();
            transcripts.append("== ").append(name).append('\n');
            r.lines.forEach(line -> transcripts.append(line).append('\n'));
            if (r.failure != null) {
                failed++;
                transcripts.append("FAIL ").append(r.reason()).append('\n');
            }
        }
        pool.shutdown();
        if (options.out != null) {
            Files.write(Paths.get(options.out), transcripts.toString().getBytes(StandardCharsets.UTF_8));
        }
        System.out.printf("%d passed, %d failed%n", chosen.size() - failed, failed);
        // Client threads are not all daemons; the scenarios have shut their clients down themselves.
        System.exit(failed == 0 ? 0 : 1);
    }

    private static List<Scenario> choose(Options options) {
        List<Scenario> chosen = new ArrayList<>();
        Set<String> unknown = new HashSet<>(options.only);
        for (Scenario s : Scenarios.all()) {
            if (options.only.isEmpty() ? !s.onDemand() : options.only.contains(s.name())) {
                chosen.add(s);
                unknown.remove(s.name());
            }
        }
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException("no such scenario: " + unknown);
        }
        return chosen;
    }

    private static Result run(Scenario s, Options options) {
        Result r = new Result();
        Transcript see = new Transcript(options.tag);
        long start = System.nanoTime();
        try (Env env = new Env(options)) {
            s.run(env, see);
        } catch (Throwable e) {
            r.failure = e;
        }
        r.lines = see.lines();
        long ms = (System.nanoTime() - start) / 1_000_000;
        System.out.println(r.failure == null ? "PASS " + s.name() + " " + ms : "FAIL " + s.name() + " " + r.reason());
        if (r.failure != null) {
            StringWriter trace = new StringWriter();
            r.failure.printStackTrace(new PrintWriter(trace));
            System.err.println("-- " + s.name() + "\n" + trace);
        }
        return r;
    }

    private static final class Result {
        List<String> lines;
        Throwable failure;

        String reason() {
            return String.valueOf(failure).replace("\n", "\\n");
        }
    }
}
