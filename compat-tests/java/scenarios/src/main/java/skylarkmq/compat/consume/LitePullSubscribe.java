package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Lite pull with a subscription: rebalanced queues, a tag, committed offsets that the next consumer goes on from. */
public final class LitePullSubscribe implements Scenario {
    @Override
    public String name() {
        return "lite-pull-subscribe";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("lite-pull-subscribe", 2);
        DefaultMQProducer producer = env.producer("lite-pull-subscribe");
        send(env, producer, topic, "first");
        DefaultLitePullConsumer c = open(env, topic);
        see.note("first consumer: %s", sorted(LitePullAssign.poll(c, 6)));
        c.commitSync();
        Await.until("the commit to arrive", () -> committed(c, env.queues(topic)) == 12);
        see.note("committed in both queues: %d", committed(c, env.queues(topic)));
        env.stop(c);

        send(env, producer, topic, "second");
        see.note("second consumer: %s", sorted(LitePullAssign.poll(open(env, topic), 6)));
    }

    private static DefaultLitePullConsumer open(Env env, String topic) throws Exception {
        return env.litePullConsumer("lite-pull-subscribe", lite -> {
            try {
                lite.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
                lite.setAutoCommit(false);
                lite.subscribe(topic, "wanted");
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
    }

    /** Six wanted and six other messages, evenly over both queues; a wanted one last, so that a commit covers all. */
    private static void send(Env env, DefaultMQProducer producer, String topic, String word) throws Exception {
        for (MessageQueue q : env.queues(topic)) {
            for (int i = 0; i < 6; i++) {
                String tag = i % 2 == 1 ? "wanted" : "other";
                String body = word + " " + q.getQueueId() + "/" + i;
                producer.send(new Message(topic, tag, body.getBytes(StandardCharsets.UTF_8)), q);
            }
        }
    }

    private static long committed(DefaultLitePullConsumer c, List<MessageQueue> queues) throws Exception {
        long sum = 0;
        for (MessageQueue q : queues) {
            sum += Math.max(0, c.committed(q));
        }
        return sum;
    }

    private static List<String> sorted(List<String> l) {
        List<String> s = new ArrayList<>(l);
        Collections.sort(s);
        return s;
    }
}
