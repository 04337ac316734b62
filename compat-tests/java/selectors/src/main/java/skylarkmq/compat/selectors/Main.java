package skylarkmq.compat.selectors;

import java.io.BufferedReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.filter.FilterFactory;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.expression.Expression;

/**
 * Evaluates expressions over messages. A line of the input is an expression and the property strings of messages, in base64
 * with tabs between; a line of the output is "E" and the error in base64, or "R" and a letter a message: T, F, N for null, X
 * where the evaluator throws.
 */
public final class Main {
    private Main() {
    }

    public static void main(String[] args) throws Exception {
        String in = null;
        String out = null;
        for (int i = 0; i + 1 < args.length; i += 2) {
            if (args[i].equals("-in")) {
                in = args[i + 1];
            } else if (args[i].equals("-out")) {
                out = args[i + 1];
            }
        }
        try (BufferedReader reader = Files.newBufferedReader(Paths.get(in));
             PrintWriter writer = new PrintWriter(Files.newBufferedWriter(Paths.get(out)))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                writer.println(answer(line.split("\t")));
            }
        }
    }

    private static String answer(String[] fields) {
        Expression e;
        try {
            e = FilterFactory.INSTANCE.get("SQL92").compile(text(fields[0]));
        } catch (Exception refused) {
            return "E " + Base64.getEncoder().encodeToString(String.valueOf(refused.getMessage()).getBytes(StandardCharsets.UTF_8));
        }
        StringBuilder results = new StringBuilder("R ");
        for (int i = 1; i < fields.length; i++) {
            results.append(evaluate(e, MessageDecoder.string2messageProperties(text(fields[i]))));
        }
        return results.toString();
    }

    private static char evaluate(Expression e, Map<String, String> properties) {
        try {
            Object v = e.evaluate(new EvaluationContext() {
                @Override
                public Object get(String name) {
                    return properties.get(name);
                }

                @Override
                public Map<String, Object> keyValues() {
                    return new HashMap<>(properties);
                }
            });
            return v == null ? 'N' : v.equals(true) ? 'T' : v.equals(false) ? 'F' : 'O';
        } catch (Throwable thrown) {
            return 'X';
        }
    }

    private static String text(String base64) {
        return new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8);
    }
}
