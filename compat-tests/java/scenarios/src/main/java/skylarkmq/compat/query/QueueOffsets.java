package skylarkmq.compat.query;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Smallest, largest and by-time offsets of a queue, and the time of its oldest message. */
public final class QueueOffsets implements Scenario {
    private static final int COUNT = 5;

    @Override
    public String name() {
        return "queue-offsets";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue queue = env.onlyQueue(env.createTopic("queue-offsets", 1));
        DefaultMQPullConsumer c = env.reader();
        long now = System.currentTimeMillis();
        see.note("empty: min %d max %d earliest %d search %d", c.minOffset(queue), c.maxOffset(queue), c.earliestMsgStoreTime(queue),
            c.searchOffset(queue, now));

        DefaultMQProducer producer = env.producer("queue-offsets");
        for (int i = 0; i < COUNT; i++) {
            producer.send(new Message(queue.getTopic(), ("body " + i).getBytes(StandardCharsets.UTF_8)));
            // Store times must differ for the search to have one answer.
            Await.clockPast(env.readAll(queue, i + 1).get(i).getStoreTimestamp());
        }
        List<MessageExt> stored = env.readAll(queue, COUNT);
        see.note("filled: min %d max %d", c.minOffset(queue), c.maxOffset(queue));
        Check.equal("earliest", stored.get(0).getStoreTimestamp(), c.earliestMsgStoreTime(queue));
        List<Long> at = new ArrayList<>();
        List<Long> before = new ArrayList<>();
        List<Long> after = new ArrayList<>();
        for (MessageExt m : stored) {
            at.add(c.searchOffset(queue, m.getStoreTimestamp()));
            before.add(c.searchOffset(queue, m.getStoreTimestamp() - 1));
            after.add(c.searchOffset(queue, m.getStoreTimestamp() + 1));
        }
        see.note("search at the store times: %s", at);
        see.note("a millisecond before: %s", before);
        see.note("a millisecond after: %s", after);
        see.note("time 0: %d, an hour ago: %d, in an hour: %d", c.searchOffset(queue, 0), c.searchOffset(queue, now - 3_600_000),
            c.searchOffset(queue, now + 3_600_000));

        MessageQueue none = new MessageQueue(queue.getTopic(), queue.getBrokerName(), 7);
        see.note("a queue that is not there: min %d max %d", c.minOffset(none), c.maxOffset(none));
    }
}
