package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** What a broker passes on to a consumer and back: its state, its stacks, its offsets, a message to consume now. */
public final class AskedConsumer implements Scenario {
    @Override
    public String name() {
        return "asked-consumer";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue queue = env.onlyQueue(env.createTopic(name(), 1));
        String topic = queue.getTopic();
        List<String> seen = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer c = env.pushConsumer(name());
        c.subscribe(topic, "*");
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            String body = new String(messages.get(0).getBody(), StandardCharsets.UTF_8);
            seen.add(body);
            Check.that(!body.equals("throw"), "as it was asked to");
            return body.equals("later") ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        DefaultMQProducer producer = env.producer(name());
        SendResult good = producer.send(new Message(topic, "good".getBytes(StandardCharsets.UTF_8)));
        env.start(c);
        Await.until("the message", () -> seen.contains("good"));
        SendResult later = producer.send(new Message(env.createTopic(name() + "-other", 1), "later".getBytes(StandardCharsets.UTF_8)));
        SendResult fails = producer.send(new Message(env.topic(name() + "-other"), "throw".getBytes(StandardCharsets.UTF_8)));

        Operator operator = new Operator(c, queue);
        String group = c.getConsumerGroup();
        String id = Operator.clientId(c);
        Object info = operator.runningInfo(group, id, true);
        Properties properties = (Properties) Operator.get(info, "getProperties");
        see.note("running: type %s, orderly %s, topics %d, stacks %s", properties.get("PROP_CONSUME_TYPE"),
            properties.get("PROP_CONSUMEORDERLY"),
            ((java.util.Collection<?>) Operator.get(info, "getSubscriptionSet")).size(),
            String.valueOf(Operator.get(info, "getJstack")).contains("TID: "));
        see.note("without stacks: %s", Operator.get(operator.runningInfo(group, id, false), "getJstack"));
        see.note("clients with a status: %d", operator.status(topic, group).size());

        direct(operator, see, group, id, topic, good);
        direct(operator, see, group, id, env.topic(name() + "-other"), later);
        direct(operator, see, group, id, env.topic(name() + "-other"), fails);
        see.note("seen %s", seen);
        see.refused("running info of nobody", () -> operator.runningInfo(group, "nobody", false));
        see.refused("of no group", () -> operator.runningInfo(env.group("none"), id, false));
        see.refused("a message for nobody", () -> operator.consumeDirectly(group, "nobody", topic, good.getOffsetMsgId()));
        see.refused("status of no group", () -> operator.status(topic, env.group("none")));
    }

    private static void direct(Operator operator, Transcript see, String group, String id, String topic, SendResult sent) throws Exception {
        Object result = operator.consumeDirectly(group, id, topic, sent.getOffsetMsgId());
        see.note("consumed directly: %s, order %s, commits %s", Operator.get(result, "getConsumeResult"), Operator.get(result, "isOrder"),
            Operator.get(result, "isAutoCommit"));
    }
}
