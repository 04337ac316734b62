package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

import org.apache.rocketmq.common.message.MessageExt;

/** What all consumers of a group have seen together: which messages, by whom, and whether a queue's order was kept. */
final class Seen {
    private final BitSet numbers = new BitSet();
    private final Map<Integer, Long> lastOfQueue = new HashMap<>();
    private final Map<String, Integer> byConsumer = new HashMap<>();
    private String disorder;

    /**
     * Delivery is at least once, so an offset may come again after a hand-over; but in an ordered group no offset may come for
     * the first time before the one below it.
     */
    synchronized void add(String consumer, MessageExt m) {
        numbers.set(Integer.parseInt(new String(m.getBody(), StandardCharsets.UTF_8)));
        byConsumer.merge(consumer, 1, Integer::sum);
        long last = lastOfQueue.getOrDefault(m.getQueueId(), -1L);
        if (m.getQueueOffset() > last + 1 && disorder == null) {
            disorder = "queue " + m.getQueueId() + ": offset " + m.getQueueOffset() + " after " + last;
        }
        lastOfQueue.put(m.getQueueId(), Math.max(last, m.getQueueOffset()));
    }

    synchronized int count() {
        return numbers.cardinality();
    }

    synchronized int by(String consumer) {
        return byConsumer.getOrDefault(consumer, 0);
    }

    synchronized String disorder() {
        return disorder;
    }

    synchronized int firstMissing() {
        return numbers.nextClearBit(0);
    }
}
