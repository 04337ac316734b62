package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** A send to a topic nobody created makes it, with as many queues as the producer asks for and the template allows. */
public final class AutoCreatedTopic implements Scenario {
    @Override
    public String name() {
        return "auto-created-topic";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        for (int asked : new int[] {1, 4, 16}) {
            String topic = env.topic("auto-created-" + asked);
            DefaultMQProducer producer = env.producer("auto-created-" + asked, p -> p.setDefaultTopicQueueNums(asked));
            SendResult r = producer.send(new Message(topic, "first".getBytes(StandardCharsets.UTF_8)));
            // The route reaches the name server with the broker's registration, which follows the send.
            Await.until("route of the new topic", () -> {
                try {
                    return !env.reader().fetchSubscribeMessageQueues(topic).isEmpty();
                } catch (Exception notYet) {
                    return false;
                }
            });
            see.note("asked for %d queues: %s offset %d, route has %d queues", asked, r.getSendStatus(), r.getQueueOffset(),
                env.queues(topic).size());
        }
    }
}
