package skylarkmq.compat.stores;

import java.io.File;
import java.io.PrintWriter;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.broker.BrokerController;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.SelectMappedBufferResult;

/**
 * What a store has, as text that both sides can write, a line a thing with tabs between:
 *
 * <pre>
 *   log      min max
 *   queue    topic queue min max
 *   message  topic queue offset  phy size tagsCode  topic tags keys in the record  sum of the body, sum of the whole record
 *   offset   topic@group queue position
 *   nokey    topic queue offset: the index does not lead to this message
 * </pre>
 */
final class Listing {
    private final DefaultMessageStore store;
    private final Map<String, ? extends Map<Integer, Long>> offsets;
    private final File queues;
    private final boolean keys;

    Listing(BrokerController broker, boolean keys) {
        this.store = (DefaultMessageStore) broker.getMessageStore();
        this.offsets = broker.getConsumerOffsetManager().getOffsetTable();
        this.queues = new File(broker.getMessageStoreConfig().getStorePathRootDir(), "consumequeue");
        this.keys = keys;
    }

    void write(Path to) throws Exception {
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(to))) {
            out.println("log\t" + store.getCommitLog().getMinOffset() + "\t" + store.getCommitLog().getMaxOffset());
            for (String topic : names(queues)) {
                for (String queue : names(new File(queues, topic))) {
                    queue(out, topic, Integer.parseInt(queue));
                }
            }
            for (Map.Entry<String, ? extends Map<Integer, Long>> group : new TreeMap<>(offsets).entrySet()) {
                for (Map.Entry<Integer, Long> queue : new TreeMap<>(group.getValue()).entrySet()) {
                    out.println("offset\t" + group.getKey() + "\t" + queue.getKey() + "\t" + queue.getValue());
                }
            }
        }
    }

    private static String[] names(File dir) {
        String[] names = dir.list();
        if (names == null) {
            return new String[0];
        }
        Arrays.sort(names);
        return names;
    }

    private void queue(PrintWriter out, String topic, int id) throws Exception {
        Object queue = store.getConsumeQueueTable().get(topic).get(id);
        // Public in every version, of a type that has moved.
        Method units = queue.getClass().getMethod("getIndexBuffer", long.class);
        long min = store.getMinOffsetInQueue(topic, id);
        long max = store.getMaxOffsetInQueue(topic, id);
        out.println("queue\t" + topic + "\t" + id + "\t" + min + "\t" + max);
        for (long offset = min; offset < max; offset++) {
            SelectMappedBufferResult unit = (SelectMappedBufferResult) units.invoke(queue, offset);
            try {
                ByteBuffer at = unit.getByteBuffer();
                message(out, topic + "\t" + id + "\t" + offset, at.getLong(), at.getInt(), plainCode(queue, at.getLong()));
            } finally {
                unit.release();
            }
        }
    }

    /** The code of the tags, also where the unit leads to an extension unit. */
    private static long plainCode(Object queue, long tagsCode) throws Exception {
        if (tagsCode >= Integer.MIN_VALUE) {
            return tagsCode;
        }
        Object extension = queue.getClass().getMethod("getExt", long.class).invoke(queue, tagsCode);
        return (Long) extension.getClass().getMethod("getTagsCode").invoke(extension);
    }

    private void message(PrintWriter out, String place, long phy, int size, long tagsCode) throws Exception {
        SelectMappedBufferResult record = store.getCommitLog().getMessage(phy, size);
        if (record == null) {
            out.println("message\t" + place + "\t" + phy + "\t" + size + "\t" + tagsCode + "\tgone");
            return;
        }
        try {
            byte[] whole = new byte[size];
            record.getByteBuffer().get(whole);
            MessageExt m = MessageDecoder.decode(ByteBuffer.wrap(whole), true, false);
            out.println("message\t" + place + "\t" + phy + "\t" + size + "\t" + tagsCode + "\t" + m.getTopic() + "\t" + text(m.getTags())
                + "\t" + text(m.getKeys()) + "\t" + sum(m.getBody()) + "\t" + sum(whole));
            String unique = m.getProperty(MessageConst.PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX);
            if (keys && unique != null && !store.queryMessage(m.getTopic(), unique, 64, 0, Long.MAX_VALUE).getMessageBufferList().stream()
                .anyMatch(found -> MessageDecoder.decode(found.duplicate(), false, false).getCommitLogOffset() == phy)) {
                out.println("nokey\t" + place);
            }
        } finally {
            record.release();
        }
    }

    private static String text(String s) {
        return s == null ? "" : s;
    }

    private static String sum(byte[] data) throws Exception {
        StringBuilder hex = new StringBuilder();
        for (byte b : Arrays.copyOf(MessageDigest.getInstance("SHA-256").digest(data == null ? new byte[0] : data), 8)) {
            hex.append(String.format("%02x", b));
        }
        return hex.toString();
    }
}
