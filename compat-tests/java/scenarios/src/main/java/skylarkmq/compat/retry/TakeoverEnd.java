package skylarkmq.compat.retry;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** What TakeoverBegin left waiting is delivered by whoever has the store now. */
public class TakeoverEnd implements Scenario {
    /** After a clean stop nothing comes twice. */
    public static final class Clean extends TakeoverEnd {
        @Override
        public String name() {
            return "delay-end-once";
        }
    }

    @Override
    public String name() {
        return "delay-end";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        Set<String> retried = ConcurrentHashMap.newKeySet();
        DefaultMQPushConsumer c = RetryToDeadLetter.consumer(env, "retry-takeover", env.topic("retry-takeover"), 16);
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            // More than once when the first life took so long that the retry came to it and failed again.
            messages.stream().filter(m -> m.getReconsumeTimes() >= 1).forEach(m -> retried.add(Record.body(m)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(c);
        Await.until("the retries", Await.DEFAULT_MILLIS, () -> retried.size() == TakeoverBegin.EACH, retried::toString);

        MessageQueue queue = env.onlyQueue(env.topic("delay-takeover"));
        DefaultMQProducer producer = env.producer("delay-takeover-end");
        producer.send(TakeoverBegin.delayed(queue.getTopic(), "own", 1));
        DefaultMQPullConsumer reader = env.reader();
        Set<String> delivered = new TreeSet<>();
        int[] count = {0};
        long[] next = {0};
        Await.until("everything that waited", Await.DEFAULT_MILLIS, () -> {
            List<MessageExt> found = reader.pull(queue, "*", next[0], 32).getMsgFoundList();
            if (found != null) {
                next[0] = found.get(found.size() - 1).getQueueOffset() + 1;
                count[0] += found.size();
                found.forEach(m -> delivered.add(Record.body(m)));
            }
            return delivered.size() >= 3 * TakeoverBegin.EACH + 1;
        }, () -> delivered.toString());
        if (this instanceof Clean) {
            Check.equal("messages", delivered.size(), count[0]);
        }
        see.note("retried %s", new TreeSet<>(retried));
        see.note("delivered %s", delivered);
    }
}
