package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/**
 * An orderly consumer goes, with a word and without: the one that is left locks the queues and goes on where the other was, in
 * order. Without a word it has to wait until the lock is over.
 */
public final class OrderlyTakeover implements Scenario {
    private static final int QUEUES = 2;
    private static final int EACH = 5;

    private int sent;
    private List<MessageQueue> targets;

    @Override
    public String name() {
        return "orderly-takeover";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic(name(), QUEUES);
        targets = env.queues(topic);
        DefaultMQProducer producer = env.producer(name());
        List<String> seen = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer stays = consumer(env, topic, seen);
        DefaultMQPushConsumer leaves = consumer(env, topic, seen);
        env.start(stays);
        env.start(leaves);
        round(producer, topic, seen);
        env.stop(leaves);
        round(producer, topic, seen);
        see.note("one left: in order %s", inOrder(seen));
        DefaultMQPushConsumer dies = consumer(env, topic, seen);
        env.start(dies);
        Await.until("a queue each", () -> queues(dies) == 1 && queues(stays) == 1);
        round(producer, topic, seen);
        // Its connections end, and it says nothing: to the broker it has died.
        dies.getDefaultMQPushConsumerImpl().suspend();
        dies.getDefaultMQPushConsumerImpl().getmQClientFactory().getMQClientAPIImpl().shutdown();
        Await.until("both queues", () -> queues(stays) == QUEUES);
        round(producer, topic, seen);
        see.note("one died: in order %s", inOrder(seen));
        see.note("consumed %d", seen.stream().distinct().count());
    }

    /** Sends some to each queue and waits until they are consumed. */
    private void round(DefaultMQProducer producer, String topic, List<String> seen) throws Exception {
        for (int i = 0; i < EACH; i++, sent++) {
            for (MessageQueue q : targets) {
                producer.send(new Message(topic, String.format("%d-%03d", q.getQueueId(), sent).getBytes(StandardCharsets.UTF_8)), q);
            }
        }
        Await.until("all of a round", Await.DEFAULT_MILLIS, () -> seen.stream().distinct().count() == (long) sent * QUEUES, seen::toString);
    }

    private DefaultMQPushConsumer consumer(Env env, String topic, List<String> seen) throws Exception {
        DefaultMQPushConsumer c = env.pushConsumer(name());
        c.setPersistConsumerOffsetInterval(500);
        c.subscribe(topic, "*");
        c.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            messages.forEach(m -> seen.add(new String(m.getBody(), StandardCharsets.UTF_8)));
            return ConsumeOrderlyStatus.SUCCESS;
        });
        return c;
    }

    private static long queues(DefaultMQPushConsumer c) {
        return c.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().entrySet().stream()
            .filter(e -> e.getKey().getTopic().startsWith("orderly-takeover") && e.getValue().isLocked()).count();
    }

    /** The first time each message was seen, none of a queue came before the one below it. */
    private static boolean inOrder(List<String> seen) {
        for (int q = 0; q < QUEUES; q++) {
            String prefix = q + "-";
            String last = "";
            for (String body : seen.stream().filter(b -> b.startsWith(prefix)).distinct().toArray(String[]::new)) {
                if (body.compareTo(last) < 0) {
                    return false;
                }
                last = body;
            }
        }
        return true;
    }
}
