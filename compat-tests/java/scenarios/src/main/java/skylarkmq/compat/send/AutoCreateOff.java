package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** For a broker with autoCreateTopicEnable=false: nothing is created, neither over the route nor behind its back. */
public final class AutoCreateOff implements Scenario {
    @Override
    public String name() {
        return "auto-create-off";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.topic("auto-create-off");
        Message m = new Message(topic, "nobody wants it".getBytes(StandardCharsets.UTF_8));
        DefaultMQProducer producer = env.producer("auto-create-off", p -> p.setRetryTimesWhenSendFailed(0));
        see.refused("send by route", () -> producer.send(m));

        MessageQueue known = env.onlyQueue(env.createTopic("auto-create-known", 1));
        DefaultMQProducer direct = env.producer("auto-create-direct", p -> p.setRetryTimesWhenSendFailed(0));
        direct.send(new Message(known.getTopic(), new byte[1]), known); // and so learn where the broker is
        see.refused("send to a queue", () -> direct.send(m, new MessageQueue(topic, known.getBrokerName(), 0)));
        see.refused("route afterwards", () -> env.queues(topic));
    }
}
