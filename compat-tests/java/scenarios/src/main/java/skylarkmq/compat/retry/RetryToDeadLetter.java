package skylarkmq.compat.retry;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/**
 * A message that its consumer never manages, until it is a dead letter; then one whose consumer chooses the levels. The broker
 * must have short delay levels: 1s 1s 1s 1s 2s 1s.
 */
public final class RetryToDeadLetter implements Scenario {
    @Override
    public String name() {
        return "retry-dead-letter";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        hopeless(env, see);
        chosenLevels(env, see);
        crowd(env, see);
    }

    private static void hopeless(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("retry", 1);
        List<MessageExt> seen = new CopyOnWriteArrayList<>();
        List<Long> at = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer c = consumer(env, "retry", topic, 3);
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            at.add(System.currentTimeMillis());
            seen.addAll(messages);
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        env.start(c);
        DefaultMQProducer producer = env.producer("retry");
        Message m = new Message(topic, "tag", "key1 key2", "hopeless".getBytes(StandardCharsets.UTF_8));
        m.putUserProperty("colour", "blue");
        String id = producer.send(m).getMsgId();

        String group = c.getConsumerGroup();
        see.note("dead letter: %s", Record.describe(env.readAll(Record.queue(env, "%DLQ%" + group), 1).get(0)));
        Check.equal("deliveries", 4, seen.size());
        for (int i = 0; i < seen.size(); i++) {
            MessageExt s = seen.get(i);
            Check.equal("message id", id, s.getMsgId());
            see.note("delivery %d: topic %s reconsumed %d level %s properties %s", i, s.getTopic(), s.getReconsumeTimes(),
                s.getDelayTimeLevel(), Record.properties(s));
            long level = i == 3 ? 2000 : 1000;
            Check.that(i == 0 || at.get(i) - at.get(i - 1) >= level, "delivery %d came %d ms after the one before", i,
                i == 0 ? 0 : at.get(i) - at.get(i - 1));
        }
        for (MessageExt r : env.readAll(Record.queue(env, "%RETRY%" + group), 3)) {
            see.note("retry: %s", Record.describe(r));
        }
    }

    private static void chosenLevels(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("retry-levels", 1);
        DefaultMQPushConsumer c = consumer(env, "retry-levels", topic, 16);
        int[] levels = {2, 6, 99, -1};
        List<MessageExt> seen = new CopyOnWriteArrayList<>();
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            context.setDelayLevelWhenNextConsume(levels[seen.size()]);
            seen.addAll(messages);
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        env.start(c);
        env.producer("retry-levels").send(new Message(topic, "levels".getBytes(StandardCharsets.UTF_8)));
        MessageQueue dead = Record.queue(env, "%DLQ%" + c.getConsumerGroup());
        see.note("chosen: %s", Record.describe(env.readAll(dead, 1).get(0)));
        for (MessageExt s : seen) {
            see.note("chosen: reconsumed %d level %d", s.getReconsumeTimes(), s.getDelayTimeLevel());
        }
    }

    /** Many at once; each fails once and none is lost. */
    private static void crowd(Env env, Transcript see) throws Exception {
        int count = 2000;
        String topic = env.createTopic("retry-crowd", 4);
        DefaultMQPushConsumer c = consumer(env, "retry-crowd", topic, 16);
        Set<String> first = ConcurrentHashMap.newKeySet();
        Set<String> second = ConcurrentHashMap.newKeySet();
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt m : messages) {
                (m.getReconsumeTimes() == 0 ? first : second).add(Record.body(m));
            }
            context.setDelayLevelWhenNextConsume(1);
            return messages.get(0).getReconsumeTimes() == 0 ? ConsumeConcurrentlyStatus.RECONSUME_LATER
                : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(c);
        DefaultMQProducer producer = env.producer("retry-crowd");
        for (int i = 0; i < count; i++) {
            producer.sendOneway(new Message(topic, Integer.toString(i).getBytes(StandardCharsets.UTF_8)));
        }
        Await.until("everything to come twice", 180_000, () -> second.size() == count,
            () -> first.size() + " and " + second.size() + " of " + count);
        see.note("crowd: %d failed once and came again", second.size());
    }

    static DefaultMQPushConsumer consumer(Env env, String name, String topic, int times) throws Exception {
        DefaultMQPushConsumer c = env.pushConsumer(name);
        c.setMaxReconsumeTimes(times);
        // The retry topic is made by the consumer's first heartbeat: it is not to look for it only after half a minute.
        c.setPollNameServerInterval(500);
        c.subscribe(topic, "*");
        return c;
    }
}
