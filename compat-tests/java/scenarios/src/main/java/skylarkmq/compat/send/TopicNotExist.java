package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Sends that name a topic, a template or a queue the broker does not have. */
public final class TopicNotExist implements Scenario {
    @Override
    public String name() {
        return "topic-not-exist";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        byte[] body = "lost".getBytes(StandardCharsets.UTF_8);
        MessageQueue known = env.onlyQueue(env.createTopic("topic-exists", 1));
        DefaultMQProducer producer = env.producer("topic-not-exist", p -> {
            p.setCreateTopicKey("NO_SUCH_TEMPLATE");
            p.setRetryTimesWhenSendFailed(0);
        });
        producer.send(new Message(known.getTopic(), new byte[1]), known); // and so learn where the broker is
        String topic = env.topic("topic-not-exist");
        see.refused("send by route", () -> producer.send(new Message(topic, body)));
        see.refused("send to a queue",
            () -> producer.send(new Message(topic, body), new MessageQueue(topic, known.getBrokerName(), 0)));
        see.refused("queue out of range",
            () -> producer.send(new Message(known.getTopic(), body), new MessageQueue(known.getTopic(), known.getBrokerName(), 9)));
        see.refused("route", () -> env.reader().fetchSubscribeMessageQueues(topic));
    }
}
