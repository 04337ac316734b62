package skylarkmq.compat.stores;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Many brokers and stores in one JVM. It connects to the test (-control PORT), reads commands, one a line with tabs between
 * words, and answers each with its number and "ok" or what went wrong:
 *
 * <pre>
 *   NUMBER start CONF          a broker that serves
 *   NUMBER stop CONF           the clean end of one
 *   NUMBER load CONF           recover a store, and nothing more
 *   NUMBER list CONF OUT KEYS  recover a store and write what is in it to OUT; KEYS true: look every message up by its key
 * </pre>
 *
 * The JVM ends when the test hangs up.
 */
public final class Main {
    private Main() {
    }

    public static void main(String[] args) throws Exception {
        try (Socket socket = new Socket("127.0.0.1", Integer.parseInt(args[1]))) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            PrintWriter out = new PrintWriter(socket.getOutputStream(), true);
            ExecutorService pool = Executors.newCachedThreadPool();
            Brokers brokers = new Brokers();
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] words = line.split("\t");
                pool.execute(() -> answer(out, words, brokers));
            }
        }
        // Brokers that still run are not stopped: that would be work for nobody.
        Runtime.getRuntime().halt(0);
    }

    private static void answer(PrintWriter out, String[] words, Brokers brokers) {
        String result = "ok";
        try {
            brokers.run(words[1], words);
        } catch (Throwable e) {
            StringWriter trace = new StringWriter();
            e.printStackTrace(new PrintWriter(trace));
            result = trace.toString().replace('\n', ' ').replace('\t', ' ');
        }
        synchronized (out) {
            out.println(words[0] + "\t" + result);
        }
    }
}
