package skylarkmq.compat.resume;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;

/** The consumer group of both halves, with one member. */
final class Group {
    private final Set<String> bodies = new ConcurrentSkipListSet<>();
    private final DefaultMQPushConsumer consumer;

    Group(Env env, String topic) throws Exception {
        consumer = env.pushConsumer(Resume1.NAME);
        // Else shutdown commits before the client has noted what its listener has just consumed.
        consumer.setAwaitTerminationMillisWhenShutdown(10_000);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(m -> bodies.add(new String(m.getBody(), StandardCharsets.UTF_8)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
    }

    Set<String> bodies() {
        return bodies;
    }

    void leave(Env env) {
        env.stop(consumer);
    }

    static void send(DefaultMQProducer producer, List<MessageQueue> queues, String word) throws Exception {
        for (int i = 0; i < Resume1.COUNT; i++) {
            MessageQueue q = queues.get(i % queues.size());
            producer.send(new Message(q.getTopic(), String.format("%s %02d", word, i).getBytes(StandardCharsets.UTF_8)), q);
        }
    }

    /**
     * Sum of the group's committed offsets as the broker has them. The one who asks is a member of the group itself, so it may
     * not stay while another consumes: it would get queues of its own.
     */
    static long awaitCommitted(Env env, List<MessageQueue> queues, long atLeast) throws Exception {
        DefaultMQPullConsumer asking = env.pullConsumer(Resume1.NAME);
        try {
            long[] sum = new long[1];
            Await.until("commits up to " + atLeast, () -> {
                sum[0] = 0;
                for (MessageQueue q : queues) {
                    sum[0] += Math.max(0, asking.fetchConsumeOffset(q, true));
                }
                return sum[0] >= atLeast;
            });
            return sum[0];
        } finally {
            env.stop(asking);
        }
    }
}
