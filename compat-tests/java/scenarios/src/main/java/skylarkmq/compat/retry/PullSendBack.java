package skylarkmq.compat.retry;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** A pull consumer gives messages back by itself. Short delay levels, as for retry-dead-letter. */
public final class PullSendBack implements Scenario {
    @Override
    public String name() {
        return "retry-pull";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue queue = env.onlyQueue(env.createTopic("retry-pull", 1));
        DefaultMQPullConsumer c = env.pullConsumer("retry-pull");
        for (int i = 0; i < 3; i++) {
            env.producer("retry-pull" + i).send(new Message(queue.getTopic(), "t", "k" + i, ("body " + i).getBytes(StandardCharsets.UTF_8)));
        }
        List<MessageExt> all = env.readAll(queue, 3);
        c.maxOffset(queue); // a client that has not met the broker yet would send to the retry topic instead
        c.sendMessageBack(all.get(0), 1, queue.getBrokerName());
        MessageQueue retry = Record.queue(env, "%RETRY%" + c.getConsumerGroup());
        see.note("level 1: %s", Record.describe(env.readAll(retry, 1).get(0)));
        c.sendMessageBack(all.get(1), 0, queue.getBrokerName());
        see.note("level 0: %s", Record.describe(env.readAll(retry, 2).get(1)));
        c.sendMessageBack(env.readAll(retry, 2).get(0), 2, queue.getBrokerName());
        see.note("once more: %s", Record.describe(env.readAll(retry, 3).get(2)));
        c.sendMessageBack(all.get(2), -1, queue.getBrokerName());
        MessageQueue dead = Record.queue(env, "%DLQ%" + c.getConsumerGroup());
        see.note("level -1: %s", Record.describe(env.readAll(dead, 1).get(0)));
        sentInstead(env, see, retry, dead);
    }

    /** What consumers do whose message cannot be given back: they send it to the retry topic. */
    private static void sentInstead(Env env, Transcript see, MessageQueue retry, MessageQueue dead) throws Exception {
        DefaultMQProducer producer = env.producer("retry-pull-instead");
        Message m = new Message(retry.getTopic(), "t", "k", "instead".getBytes(StandardCharsets.UTF_8));
        m.setDelayTimeLevel(1);
        MessageAccessor.setReconsumeTime(m, "2");
        MessageAccessor.setMaxReconsumeTimes(m, "2");
        see.note("sent: %s", producer.send(m, retry).getSendStatus());
        see.note("sent: %s", Record.describe(env.readAll(retry, 4).get(3)));
        MessageAccessor.setReconsumeTime(m, "3");
        MessageAccessor.setMaxReconsumeTimes(m, "2");
        see.note("sent too often: %s", producer.send(m, retry).getSendStatus());
        see.note("sent too often: %s", Record.describe(env.readAll(dead, 2).get(1)));
        see.refused("batch", () -> producer.send(Arrays.asList(new Message(retry.getTopic(), new byte[1]))));
    }
}
