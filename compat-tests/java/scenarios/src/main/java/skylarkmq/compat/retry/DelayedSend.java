package skylarkmq.compat.retry;

import java.nio.charset.StandardCharsets;
import java.util.List;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Delayed messages of several levels: what the producer is told, when they come, what they look like then. */
public final class DelayedSend implements Scenario {
    /** Of the broker's settings 1s 1s 1s 1s 2s 1s; the last level stands for all above. */
    private static final long[] LENGTHS = {0, 1000, 1000, 1000, 1000, 2000, 1000};
    /** Far above what a busy machine adds, and far below the broker's usual levels for 5 and 6. */
    private static final long LATE = 50_000;

    @Override
    public String name() {
        return "delayed-send";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        DefaultMQProducer producer = env.producer("delayed-send");
        for (int level : new int[] {1, 5, 6, 99, 0}) {
            MessageQueue queue = env.onlyQueue(env.createTopic("delayed-send-" + level, 1));
            Message m = new Message(queue.getTopic(), "tag" + level, "key" + level, ("level " + level).getBytes(StandardCharsets.UTF_8));
            m.setDelayTimeLevel(level);
            long before = System.currentTimeMillis();
            SendResult sent = producer.send(m);
            see.note("level %d: %s, queue %d of %s", level, sent.getSendStatus(), sent.getMessageQueue().getQueueId(),
                sent.getMessageQueue().getTopic());
            MessageExt got = env.readAll(queue, 1).get(0);
            long waited = got.getStoreTimestamp() - before;
            long length = LENGTHS[Math.min(level, 6)];
            Check.that(waited >= length && waited < length + LATE, "level %d came after %d ms", level, waited);
            Check.equal("message id", sent.getMsgId(), got.getMsgId());
            see.note("level %d: %s", level, Record.describe(got));
            see.note("level %d: by tag %s, by another %s", level, count(env, queue, "tag" + level), count(env, queue, "tagX"));
        }
        ordered(env, see, producer);
    }

    private static String count(Env env, MessageQueue queue, String tag) throws Exception {
        List<MessageExt> found = env.reader().pull(queue, tag, 0, 32).getMsgFoundList();
        return found == null ? "none" : Integer.toString(found.size());
    }

    /** Messages of one level come in the order in which they were sent. */
    private static void ordered(Env env, Transcript see, DefaultMQProducer producer) throws Exception {
        MessageQueue queue = env.onlyQueue(env.createTopic("delayed-order", 1));
        int count = 500;
        for (int i = 0; i < count; i++) {
            Message m = new Message(queue.getTopic(), Integer.toString(i).getBytes(StandardCharsets.UTF_8));
            m.setDelayTimeLevel(2);
            producer.send(m);
        }
        int next = 0;
        for (MessageExt m : env.readAll(queue, count)) {
            Check.equal("message", Integer.toString(next++), Record.body(m));
        }
        see.note("%d of one level came in order", next);
    }
}
