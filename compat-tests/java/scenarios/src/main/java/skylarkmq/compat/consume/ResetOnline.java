package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/**
 * An operator sets a group back while its consumer is online. Whether the broker tells the consumer by a request of its own or
 * with its next pull, the consumer gets everything again, once.
 */
public final class ResetOnline implements Scenario {
    private static final int COUNT = 6;

    @Override
    public String name() {
        return "reset-online";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue queue = env.onlyQueue(env.createTopic(name(), 1));
        DefaultMQProducer producer = env.producer(name());
        List<String> seen = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer c = env.pushConsumer(name());
        c.subscribe(queue.getTopic(), "*");
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(m -> seen.add(new String(m.getBody(), StandardCharsets.UTF_8)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        for (int i = 0; i < COUNT; i++) {
            producer.send(new Message(queue.getTopic(), Integer.toString(i).getBytes(StandardCharsets.UTF_8)));
        }
        env.start(c);
        Await.until("all messages", () -> seen.size() == COUNT);
        Operator operator = new Operator(c, queue);
        // The broker sets back only what has been committed there.
        Await.until("the offset to be committed", () -> {
            c.getDefaultMQPushConsumerImpl().persistConsumerOffset();
            return operator.offset(c.getConsumerGroup(), queue) == COUNT;
        });
        see.note("reset: %s", operator.resetOffset(queue.getTopic(), c.getConsumerGroup(), 0).values());
        // A pull that waits hears of the reset when it is woken.
        producer.send(new Message(queue.getTopic(), "late".getBytes(StandardCharsets.UTF_8)));
        Await.until("everything again", Await.DEFAULT_MILLIS, () -> again(seen), seen::toString);
        see.note("everything was consumed again");
        Await.until("the offset to be committed again", () -> {
            c.getDefaultMQPushConsumerImpl().persistConsumerOffset();
            return operator.offset(c.getConsumerGroup(), queue) == COUNT + 1;
        });
        see.note("committed to the end");
    }

    /** What a pull that was on its way brings before the reset arrives may be there once more. */
    private static boolean again(List<String> seen) {
        for (int i = 0; i < COUNT; i++) {
            String body = Integer.toString(i);
            if (seen.stream().filter(body::equals).count() < 2) {
                return false;
            }
        }
        return seen.contains("late");
    }
}
