package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.text.SimpleDateFormat;
import java.util.Collections;
import java.util.Date;
import java.util.Set;
import java.util.TreeSet;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/**
 * Where a group without offsets begins. What a broker answers for such a group decides it too: while message 0 of a queue is
 * still in memory it says "0", and even CONSUME_FROM_LAST_OFFSET starts there. That surprise is part of the behaviour.
 */
public final class ConsumeFrom implements Scenario {
    private final String name;
    private final ConsumeFromWhere where;

    private ConsumeFrom(String name, ConsumeFromWhere where) {
        this.name = name;
        this.where = where;
    }

    public static Scenario first() {
        return new ConsumeFrom("consume-from-first", ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    }

    public static Scenario last() {
        return new ConsumeFrom("consume-from-last", ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
    }

    public static Scenario timestamp() {
        return new ConsumeFrom("consume-from-timestamp", ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic(name, 1);
        DefaultMQProducer producer = env.producer(name);
        send(producer, topic, "early");
        env.readAll(env.onlyQueue(topic), 5);

        Set<String> got = Collections.synchronizedSet(new TreeSet<>());
        DefaultMQPushConsumer c = env.pushConsumer(name);
        c.setConsumeFromWhere(where);
        c.setConsumeTimestamp(new SimpleDateFormat("yyyyMMddHHmmss").format(new Date(System.currentTimeMillis() + 3_600_000)));
        // One thread and one message at a time: when the last late one has come, all before it have.
        c.setConsumeThreadMin(1);
        c.setConsumeThreadMax(1);
        c.subscribe(topic, "*");
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(m -> got.add(new String(m.getBody(), StandardCharsets.UTF_8)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(c);
        // Only when the consumer's place in the queue is decided may the late ones be sent.
        Await.until("the queue to be assigned", () -> {
            try {
                return c.fetchSubscribeMessageQueues(topic).size() == 1 && assigned(c);
            } catch (Exception notYet) {
                return false;
            }
        });
        send(producer, topic, "late");
        Await.until("the last late message", () -> got.contains("late 4"));
        see.note("consumed %s", got);
    }

    private static boolean assigned(DefaultMQPushConsumer c) {
        return !c.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().isEmpty();
    }

    private static void send(DefaultMQProducer producer, String topic, String word) throws Exception {
        for (int i = 0; i < 5; i++) {
            producer.send(new Message(topic, (word + " " + i).getBytes(StandardCharsets.UTF_8)));
        }
    }
}
