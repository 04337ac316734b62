package skylarkmq.compat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** The runner's command line. */
final class Options {
    String nameServer;
    String cluster = "DefaultCluster";
    String tag = Long.toString(System.currentTimeMillis(), 36);
    String out;
    String state;
    Set<String> only = new HashSet<>();
    int parallel = 4;
    boolean tls;
    boolean full;

    static Options parse(String[] args) {
        Options o = new Options();
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "-n": o.nameServer = value(args, ++i); break;
                case "-cluster": o.cluster = value(args, ++i); break;
                case "-tag": o.tag = value(args, ++i); break;
                case "-out": o.out = value(args, ++i); break;
                case "-state": o.state = value(args, ++i); break;
                case "-only": o.only.addAll(Arrays.asList(value(args, ++i).split(","))); break;
                case "-parallel": o.parallel = Integer.parseInt(value(args, ++i)); break;
                case "-tls": o.tls = true; break;
                case "-full": o.full = true; break;
                default: throw new IllegalArgumentException("unknown argument " + args[i]);
            }
        }
        if (o.nameServer == null) {
            throw new IllegalArgumentException("-n host:port is required");
        }
        return o;
    }

    private static String value(String[] args, int i) {
        if (i >= args.length) {
            throw new IllegalArgumentException(args[i - 1] + " needs a value");
        }
        return args[i];
    }
}
