package skylarkmq.compat.interop;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;

import skylarkmq.compat.Check;

/** What one server acknowledged, a line a message, for the check after another server has opened its store. */
final class Manifest {
    static final String PLAIN = "interop-plain";
    static final String BATCH = "interop-batch";
    static final int PLAIN_QUEUES = 3;

    static final class Entry {
        String topic;
        int queue;
        long offset;
        String uniqueId;
        String offsetId;
        String tags;
        String keys;
        String note;
        int bodyLength;
        long bodyCrc;
    }

    private Manifest() {
    }

    static Entry entry(String topic, int queue, long offset, String uniqueId, String offsetId, String tags, String keys, String note,
        byte[] body) {
        Entry e = new Entry();
        e.topic = topic;
        e.queue = queue;
        e.offset = offset;
        e.uniqueId = uniqueId;
        e.offsetId = offsetId;
        e.tags = tags;
        e.keys = keys;
        e.note = note;
        e.bodyLength = body.length;
        e.bodyCrc = crc(body);
        return e;
    }

    static long crc(byte[] body) {
        CRC32 c = new CRC32();
        c.update(body, 0, body.length);
        return c.getValue();
    }

    static void write(File file, List<Entry> entries) throws Exception {
        List<String> lines = new ArrayList<>();
        for (Entry e : entries) {
            lines.add(String.join("\t", Arrays.asList(e.topic, "" + e.queue, "" + e.offset, e.uniqueId, e.offsetId, e.tags, e.keys,
                e.note, "" + e.bodyLength, "" + e.bodyCrc)));
        }
        Files.write(file.toPath(), lines, StandardCharsets.UTF_8);
    }

    static List<Entry> read(File file) throws Exception {
        List<Entry> entries = new ArrayList<>();
        for (String line : Files.readAllLines(file.toPath(), StandardCharsets.UTF_8)) {
            String[] f = line.split("\t", -1);
            Check.equal("fields of a manifest line", 10, f.length);
            Entry e = new Entry();
            e.topic = f[0];
            e.queue = Integer.parseInt(f[1]);
            e.offset = Long.parseLong(f[2]);
            e.uniqueId = f[3];
            e.offsetId = f[4];
            e.tags = f[5];
            e.keys = f[6];
            e.note = f[7];
            e.bodyLength = Integer.parseInt(f[8]);
            e.bodyCrc = Long.parseLong(f[9]);
            entries.add(e);
        }
        return entries;
    }
}
