package skylarkmq.compat.mqadmin;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.apache.rocketmq.tools.command.MQAdminStartup;

/** Calls the tool's own entry point with stdout and stderr captured, and collects the normalised blocks. */
final class Tool {
    private static final Pattern BODY_FILE = Pattern.compile("(/\\S*msgbodys/\\S+)");

    private final String nameServer;
    private final StringBuilder transcript = new StringBuilder();

    Tool(String nameServer) {
        this.nameServer = nameServer;
    }

    String transcript() {
        return transcript.toString();
    }

    void fail(Throwable e) {
        transcript.append("FAIL ").append(String.valueOf(e).replace("\n", "\\n")).append('\n');
    }

    /** Runs a command; the block is named by what is typed, and holds what a user would read. */
    void show(String title, String... command) throws Exception {
        append(title, Normalise.lines(run(command), Function.identity()));
    }

    /** For commands that print a hash table's order. */
    void showSorted(String title, String... command) throws Exception {
        List<String> lines = Normalise.lines(run(command), Function.identity());
        Collections.sort(lines);
        append(title, lines);
    }

    /** For commands that show a group's progress. Its retry topic is among the rows once the consumer has looked for it, which is chance. */
    void showProgress(String title, String... command) throws Exception {
        List<String> lines = Normalise.lines(run(command), Function.identity());
        lines.removeIf(line -> line.startsWith("%RETRY%" + Clients.GROUP));
        Collections.sort(lines);
        append(title, lines);
    }

    /** For commands whose numbers are measurements: the shape is compared, not the numbers. */
    void showShape(String title, String... command) throws Exception {
        append(title, Normalise.lines(run(command), Normalise::numbers));
    }

    /** Both: measurements in an order that is chance. */
    void showSortedShape(String title, String... command) throws Exception {
        List<String> lines = Normalise.lines(run(command), Normalise::numbers);
        Collections.sort(lines);
        append(title, lines);
    }

    void append(String title, List<String> lines) {
        transcript.append("== ").append(title).append('\n');
        lines.forEach(line -> transcript.append(line).append('\n'));
    }

    /** What the tool printed, line by line. Its client waits for five seconds only, so that what it gave up on is asked again, once. */
    synchronized List<String> run(String... command) throws Exception {
        List<String> printed = once(command);
        boolean repeatable = !command[0].equals("sendMessage");
        if (repeatable && printed.stream().anyMatch(l -> l.contains("RemotingTimeoutException") || l.contains("CODE: 2 "))) {
            System.out.println("again: " + String.join(" ", command));
            return once(command);
        }
        return printed;
    }

    private List<String> once(String... command) throws Exception {
        List<String> args = new ArrayList<>(Arrays.asList(command));
        args.add("-n");
        args.add(nameServer);
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream captured = new ByteArrayOutputStream();
        PrintStream capture = new PrintStream(captured, true, "UTF-8");
        System.setOut(capture);
        System.setErr(capture);
        try {
            MQAdminStartup.main0(args.toArray(new String[0]), null);
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
        String text = captured.toString("UTF-8");
        Matcher m = BODY_FILE.matcher(text);
        while (m.find()) {
            // The tool leaves the bodies it looked at in a shared directory.
            Files.deleteIfExists(Paths.get(m.group(1)));
        }
        return new ArrayList<>(Arrays.asList(text.split("\n")));
    }
}
