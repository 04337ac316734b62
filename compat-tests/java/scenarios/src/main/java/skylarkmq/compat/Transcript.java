package skylarkmq.compat;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;

/** What a scenario observed, one line a fact, without what changes from run to run (ids, addresses, times, the run's tag). */
public final class Transcript {
    private static final Pattern ADDRESS = Pattern.compile("/?(127\\.0\\.0\\.1|localhost(/127\\.0\\.0\\.1)?):\\d+");
    /** Unique keys are 16 bytes in hex on a machine known by an IPv4 address, 28 on one known by IPv6. */
    private static final Pattern MESSAGE_ID = Pattern.compile("\\b([0-9A-F]{56}|[0-9A-F]{32})\\b");
    private static final Pattern MILLIS = Pattern.compile("\\b1[0-9]{12}\\b");

    private final String tag;
    private final List<String> lines = new ArrayList<>();

    Transcript(String tag) {
        this.tag = tag;
    }

    /** An empty one for notes that are taken at the same time as others; add it when its turn has come. */
    public Transcript part() {
        return new Transcript(tag);
    }

    public void add(Transcript part) {
        List<String> more = part.lines();
        synchronized (this) {
            lines.addAll(more);
        }
    }

    public synchronized void note(String format, Object... args) {
        lines.add(normalise(args.length == 0 ? format : String.format(format, args)));
    }

    /** A step that must be refused: notes code and remark as the application sees them. */
    public void refused(String what, Action action) throws Exception {
        try {
            action.run();
        } catch (Exception e) {
            note("%s: refused, %s", what, describe(e));
            return;
        }
        throw new AssertionError(what + ": was accepted, a refusal was expected");
    }

    /** Server errors with their remark; errors the client makes up only by code, their texts are the client's own affair. */
    public static String describe(Throwable e) {
        if (e instanceof MQBrokerException) {
            MQBrokerException b = (MQBrokerException) e;
            return "broker code " + b.getResponseCode() + " [" + b.getErrorMessage() + "]";
        }
        if (e instanceof MQClientException) {
            Throwable cause = e.getCause();
            String own = "client code " + ((MQClientException) e).getResponseCode();
            return cause == null ? own : own + " from " + describe(cause);
        }
        return e.getClass().getSimpleName();
    }

    synchronized List<String> lines() {
        return new ArrayList<>(lines);
    }

    private String normalise(String s) {
        s = s.replace("_" + tag, "");
        s = ADDRESS.matcher(s).replaceAll("<addr>");
        s = MESSAGE_ID.matcher(s).replaceAll("<id>");
        s = MILLIS.matcher(s).replaceAll("<ms>");
        return s.replace("\n", "\\n");
    }

    public interface Action {
        void run() throws Exception;
    }
}
