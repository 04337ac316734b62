package skylarkmq.compat.special;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** A topic with queue.type=BatchCQ keeps a batch as one record, and the client takes it apart. For clients from 5.0 on. */
public final class BatchQueues implements Scenario {
    @Override
    public String name() {
        return "batch-queues";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue q = env.onlyQueue(env.createTopic("batch-queues", 1, Collections.singletonMap("queue.type", "BatchCQ")));
        DefaultMQProducer producer = env.producer("batch-queues");
        DefaultMQPullConsumer c = env.pullConsumer("batch-queues");
        see.note("empty: min %d max %d, pull at 0: %s", c.minOffset(q), c.maxOffset(q), c.pull(q, "*", 0, 32).getPullStatus());
        int next = 0;
        List<SendResult> sent = new ArrayList<>();
        for (int size : new int[] {3, 1, 5, 2}) {
            SendResult r = producer.send(batch(q, next, size), q);
            sent.add(r);
            see.note("batch of %d: %s offset %d, %d ids, offset ids %d", size, r.getSendStatus(), r.getQueueOffset(), r.getMsgId().split(",").length,
                r.getOffsetMsgId().split(",").length);
            next += size;
        }
        Await.until("units", () -> c.maxOffset(q) == 11);
        see.note("min %d max %d", c.minOffset(q), c.maxOffset(q));
        see.note("first at %d, later at %d", c.searchOffset(q, 0), c.searchOffset(q, System.currentTimeMillis() + 100_000));
        for (int at : new int[] {0, 1, 3, 6, 10}) {
            pulled(see, "at " + at, c.pull(q, "*", at, 32));
        }
        pulled(see, "at most 4", c.pull(q, "*", 0, 4));
        pulled(see, "at most 1", c.pull(q, "*", 4, 1));
        pulled(see, "by a tag of one", c.pull(q, "even", 0, 32));
        PullResult ahead = c.pull(q, "*", 20, 32);
        see.note("ahead: %s next %d", ahead.getPullStatus(), ahead.getNextBeginOffset());
        MessageExt one = producer.viewMessage(q.getTopic(), sent.get(0).getOffsetMsgId());
        see.note("by its place: %d bytes, offset %d, %s of %s", one.getBody().length, one.getQueueOffset(), one.getProperty("INNER_NUM"), one.getProperty("INNER_BASE"));
        push(env, see, producer, q);
    }

    private static void push(Env env, Transcript see, DefaultMQProducer producer, MessageQueue q) throws Exception {
        ConcurrentLinkedQueue<String> got = new ConcurrentLinkedQueue<>();
        DefaultMQPushConsumer consumer = env.pushConsumer("batch-push");
        consumer.setConsumeThreadMin(1);
        consumer.setConsumeThreadMax(1);
        consumer.subscribe(q.getTopic(), "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(m -> got.add(describe(m)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(consumer);
        Await.until("11 messages", () -> got.size() == 11);
        producer.send(batch(q, 11, 2), q);
        Await.until("13 messages", () -> got.size() == 13);
        for (String m : got) {
            see.note("pushed: %s", m);
        }
    }

    static List<Message> batch(MessageQueue q, int from, int size) {
        List<Message> list = new ArrayList<>();
        for (int i = from; i < from + size; i++) {
            list.add(new Message(q.getTopic(), i % 2 == 0 ? "even" : "odd", "k" + i, ("body " + i).getBytes(StandardCharsets.UTF_8)));
        }
        return list;
    }

    private static void pulled(Transcript see, String what, PullResult r) {
        StringBuilder s = new StringBuilder();
        if (r.getMsgFoundList() != null) {
            r.getMsgFoundList().forEach(m -> s.append(" (").append(describe(m)).append(")"));
        }
        see.note("%s: %s next %d min %d max %d:%s", what, r.getPullStatus(), r.getNextBeginOffset(), r.getMinOffset(), r.getMaxOffset(), s);
    }

    static String describe(MessageExt m) {
        return new String(m.getBody(), StandardCharsets.UTF_8) + " at " + m.getQueueOffset() + " " + m.getTags() + " " + m.getKeys();
    }
}
