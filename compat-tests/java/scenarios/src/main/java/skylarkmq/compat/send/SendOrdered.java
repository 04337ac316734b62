package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.MessageQueueSelector;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** The selector decides the queue: messages of one order id stay in one queue, in the order they were sent. */
public final class SendOrdered implements Scenario {
    private static final int QUEUES = 4;
    private static final int ORDERS = 6;
    private static final int STEPS = 5;

    @Override
    public String name() {
        return "send-ordered";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("send-ordered", QUEUES);
        DefaultMQProducer producer = env.producer("send-ordered");
        MessageQueueSelector byOrder = (queues, message, order) -> queues.get((Integer) order % queues.size());
        int[] sent = new int[QUEUES];
        for (int step = 0; step < STEPS; step++) {
            for (int order = 0; order < ORDERS; order++) {
                byte[] body = ("order " + order + " step " + step).getBytes(StandardCharsets.UTF_8);
                SendResult r = producer.send(new Message(topic, body), byOrder, order);
                Check.equal("queue of order " + order, order % QUEUES, r.getMessageQueue().getQueueId());
                sent[order % QUEUES]++;
            }
        }
        for (MessageQueue q : env.queues(topic)) {
            List<String> bodies = new ArrayList<>();
            for (MessageExt m : env.readAll(q, sent[q.getQueueId()])) {
                bodies.add(new String(m.getBody(), StandardCharsets.UTF_8));
            }
            see.note("queue %d: %s", q.getQueueId(), bodies);
        }
    }
}
