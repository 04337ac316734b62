package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** The old pull consumer: every answer a pull can have, committed offsets, and a pull that is held until something comes. */
public final class PullConsumer implements Scenario {
    @Override
    public String name() {
        return "pull-consumer";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue queue = env.onlyQueue(env.createTopic("pull-consumer", 1));
        DefaultMQProducer producer = env.producer("pull-consumer");
        DefaultMQPullConsumer c = env.pullConsumer("pull-consumer");
        note(see, "empty queue, offset 0", c.pull(queue, "*", 0, 4));
        note(see, "empty queue, offset 5", c.pull(queue, "*", 5, 4));
        for (int i = 0; i < 10; i++) {
            producer.send(new Message(queue.getTopic(), ("body " + i).getBytes(StandardCharsets.UTF_8)));
        }
        env.readAll(queue, 10);
        for (long offset : new long[] {0, 4, 8, 10, 11, 100, 1L << 41}) {
            note(see, "offset " + offset + ", at most 4", c.pull(queue, "*", offset, 4));
        }

        see.note("committed before: %d", c.fetchConsumeOffset(queue, true));
        c.updateConsumeOffset(queue, 7);
        c.getDefaultMQPullConsumerImpl().getOffsetStore().persist(queue);
        Await.until("the commit to arrive", () -> c.fetchConsumeOffset(queue, true) == 7);
        see.note("committed after: %d", c.fetchConsumeOffset(queue, true));

        ExecutorService other = Executors.newSingleThreadExecutor();
        try {
            Future<PullResult> held = other.submit(() -> c.pullBlockIfNotFound(queue, "*", 10, 4));
            Check.that(!waitShortly(held), "a pull at the end of a queue was answered at once");
            producer.send(new Message(queue.getTopic(), "awaited".getBytes(StandardCharsets.UTF_8)));
            note(see, "held pull", held.get(60, TimeUnit.SECONDS));
        } finally {
            other.shutdownNow();
        }
    }

    /** True when the answer came; half a second is far below the broker's 15 s and far above an immediate answer. */
    private static boolean waitShortly(Future<?> f) throws Exception {
        try {
            f.get(500, TimeUnit.MILLISECONDS);
            return true;
        } catch (java.util.concurrent.TimeoutException stillHeld) {
            return false;
        }
    }

    private static void note(Transcript see, String what, PullResult r) {
        int found = r.getMsgFoundList() == null ? 0 : r.getMsgFoundList().size();
        see.note("%s: %s, %d found, next %d min %d max %d", what, r.getPullStatus(), found, r.getNextBeginOffset(), r.getMinOffset(),
            r.getMaxOffset());
    }
}
