package skylarkmq.compat.mqadmin;

import java.io.PrintWriter;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.apache.rocketmq.common.action.RocketMQAction;
import org.apache.rocketmq.remoting.CommandCustomHeader;
import org.apache.rocketmq.remoting.annotation.CFNotNull;

/** Writes which fields the request headers of the original have, and which of them must be there: -out FILE. */
public final class Headers {
    private Headers() {
    }

    public static void main(String[] args) throws Exception {
        String jar = Paths.get(CommandCustomHeader.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
        TreeSet<String> names = new TreeSet<>();
        try (JarFile file = new JarFile(jar)) {
            for (JarEntry entry : Collections.list(file.entries())) {
                String name = entry.getName();
                if (name.startsWith("org/apache/rocketmq/remoting/protocol/header/") && name.endsWith(".class")) {
                    names.add(name.substring(0, name.length() - ".class".length()).replace('/', '.'));
                }
            }
        }
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(Paths.get(args[args.length - 1]), StandardCharsets.UTF_8))) {
            for (String name : names) {
                Class<?> type = Class.forName(name);
                if (CommandCustomHeader.class.isAssignableFrom(type) && !Modifier.isAbstract(type.getModifiers())) {
                    out.println(line(type));
                }
            }
        }
    }

    /** Name, code of the request or -1, then the fields in the order in which they are read; ! says that one must be there. */
    private static String line(Class<?> type) {
        RocketMQAction action = type.getAnnotation(RocketMQAction.class);
        List<String> words = new ArrayList<>();
        words.add(type.getSimpleName());
        words.add(String.valueOf(action == null ? -1 : action.value()));
        for (Class<?> at = type; at != Object.class; at = at.getSuperclass()) {
            for (Field field : at.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers())) {
                    String required = field.isAnnotationPresent(CFNotNull.class) ? "!" : "";
                    words.add(field.getName() + ":" + field.getType().getSimpleName() + required);
                }
            }
        }
        return String.join(" ", words);
    }
}
