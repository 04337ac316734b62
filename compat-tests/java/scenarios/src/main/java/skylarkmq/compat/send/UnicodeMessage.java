package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Text outside ASCII, also outside the basic plane, in body, tag, key and user properties. */
public final class UnicodeMessage implements Scenario {
    private static final String TEXT = "Grüße, 消息队列, сообщение, 🚀 \u0000 \"quoted\" \\ back";

    @Override
    public String name() {
        return "unicode-message";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("unicode-message", 1);
        DefaultMQProducer producer = env.producer("unicode-message");
        Message m = new Message(topic, "标签", "ключ 钥匙", TEXT.getBytes(StandardCharsets.UTF_8));
        m.putUserProperty("属性", "🚀 взлёт \"x\" \\n");
        m.putUserProperty("spaces", "  two  each  ");
        producer.send(m);
        MessageExt stored = env.readAll(env.onlyQueue(topic), 1).get(0);
        Check.equal("body", TEXT, new String(stored.getBody(), StandardCharsets.UTF_8));
        see.note("tags [%s] keys [%s]", stored.getTags(), stored.getKeys());
        see.note("property [%s] spaces [%s]", stored.getUserProperty("属性"), stored.getUserProperty("spaces"));
        long now = System.currentTimeMillis();
        Await.until("the key to be indexed", () -> {
            try {
                return producer.queryMessage(topic, "钥匙", 8, 0, now + 60_000).getMessageList().size() == 1;
            } catch (Exception notYet) {
                return false;
            }
        });
        see.note("found by key");
    }
}
