package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** The listener two below the port takes what matters when the main one is busy. */
public final class SendVipChannel implements Scenario {
    @Override
    public String name() {
        return "send-vip-channel";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("send-vip-channel", 1);
        DefaultMQProducer producer = env.producer("send-vip-channel", p -> p.setVipChannelEnabled(true));
        SendResult r = producer.send(new Message(topic, "vip".getBytes(StandardCharsets.UTF_8)));
        see.note("send: %s offset %d", r.getSendStatus(), r.getQueueOffset());
        see.note("stored at %s", env.readAll(env.onlyQueue(topic), 1).get(0).getStoreHost());
    }
}
