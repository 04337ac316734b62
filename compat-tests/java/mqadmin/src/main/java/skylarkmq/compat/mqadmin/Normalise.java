package skylarkmq.compat.mqadmin;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Pattern;

/** Takes out of the tool's output what differs between two runs against the same server. */
final class Normalise {
    /** Applied in this order: an id or a time contains what a later rule would take for a number. */
    private static final String[][] RULES = {
        {"\\d{4}-\\d{2}-\\d{2}[ #T]\\d{2}:\\d{2}:\\d{2}([:,.]\\d{3})?", "<time>"},
        {"\\b([0-9A-F]{56}|[0-9A-F]{32})\\b", "<id>"},
        {"/?127\\.0\\.0\\.1:\\d+", "<addr>"},
        {"\\b127\\.0\\.0\\.1\\b", "<ip>"},
        {"/\\S*msgbodys/\\S+", "<body file>"},
        {"commitLogDiskRatio_/[^: ]+", "commitLogDiskRatio_<path>"},
        {"\\bV\\d+_\\d+_\\d+(_SNAPSHOT)?\\b", "<version>"},
        {"\\b1[0-9]{12}\\b", "<ms>"},
        {"(putMessageDistributeTime *:).*", "$1 <null in the first minute>"},
        {"\\b(cost|used|Elapsed):? ?\\d+ ?ms", "$1 <n>ms"},
        {"\\b\\d+\\.\\d+(E-?\\d+)?\\b", "<n>"},
    };
    private static final List<Pattern> PATTERNS = new ArrayList<>();
    private static final Pattern NUMBER = Pattern.compile("(?<![\\w<])-?\\d+(\\.\\d+)?(E-?\\d+)?");

    static {
        for (String[] rule : RULES) {
            PATTERNS.add(Pattern.compile(rule[0]));
        }
    }

    private Normalise() {
    }

    /** Column widths follow the values, so runs of blanks are one; stack frames say nothing about the server. */
    static List<String> lines(List<String> printed, Function<String, String> more) {
        List<String> lines = new ArrayList<>();
        for (String line : printed) {
            if (line.startsWith("\tat ") || line.matches("\\s*\\.\\.\\. \\d+ (more|common frames omitted)")) {
                continue;
            }
            line = more.apply(line(line));
            if (!line.isEmpty()) {
                lines.add(line);
            }
        }
        return lines;
    }

    static String line(String line) {
        for (int i = 0; i < RULES.length; i++) {
            line = PATTERNS.get(i).matcher(line).replaceAll(RULES[i][1]);
        }
        return line.replaceAll("\\s+", " ").trim();
    }

    static String numbers(String line) {
        return NUMBER.matcher(line).replaceAll("<n>");
    }
}
