package skylarkmq.compat.retry;

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

/** An orderly consumer tries a message again by itself, holding its queue up, and then makes it a dead letter. */
public final class OrderlyToDeadLetter implements Scenario {
    @Override
    public String name() {
        return "retry-orderly";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("retry-orderly", 1);
        List<String> seen = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer c = RetryToDeadLetter.consumer(env, "retry-orderly", topic, 2);
        c.setConsumeMessageBatchMaxSize(1);
        c.setSuspendCurrentQueueTimeMillis(100);
        c.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            String body = Record.body(messages.get(0));
            seen.add(body + " " + messages.get(0).getReconsumeTimes());
            return body.equals("bad") ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT : ConsumeOrderlyStatus.SUCCESS;
        });
        DefaultMQProducer producer = env.producer("retry-orderly");
        for (String body : new String[] {"one", "bad", "two", "three"}) {
            producer.send(new Message(topic, "t", "k", body.getBytes(StandardCharsets.UTF_8)));
        }
        env.start(c);
        Await.until("what is behind the bad one", Await.DEFAULT_MILLIS, () -> seen.contains("three 0"), seen::toString);
        see.note("seen %s", seen);
        MessageQueue dead = Record.queue(env, "%DLQ%" + c.getConsumerGroup());
        see.note("dead letter: %s", Record.describe(env.readAll(dead, 1).get(0)));
    }
}
