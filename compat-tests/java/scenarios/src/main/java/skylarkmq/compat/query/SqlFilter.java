package skylarkmq.compat.query;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Filters by SQL92 expressions, with a push consumer and by single pulls; the broker needs enablePropertyFilter=true. */
public final class SqlFilter implements Scenario {
    private static final int MESSAGES = 20;
    private static final String[] REGIONS = {"east", "west", "it's", ""};

    @Override
    public String name() {
        return "sql-filter";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("sql-filter", 1);
        DefaultMQProducer producer = env.producer("sql-filter");
        for (int i = 0; i < MESSAGES; i++) {
            producer.send(message(topic, i));
        }
        MessageQueue queue = env.onlyQueue(topic);
        env.readAll(queue, MESSAGES);
        pulls(env, see, queue);
        push(env, see, topic, producer);
        for (String expression : new String[] {"price >", "price BETWEEN 9 AND 1", "price NOT LIKE '1%'", "price > 'x'", "price = #", "5"}) {
            refusedAtStart(env, see, topic, expression);
        }
    }

    private static Message message(String topic, int i) {
        Message m = new Message(topic, i % 2 == 0 ? "even" : "odd", ("body " + i).getBytes(StandardCharsets.UTF_8));
        m.putUserProperty("price", Integer.toString(i * 10));
        m.putUserProperty("weight", i + ".5");
        if (!REGIONS[i % 4].isEmpty()) {
            m.putUserProperty("region", REGIONS[i % 4]);
        }
        return m;
    }

    /** A client filters by expression only when it knows the broker's version, from the answer to a heartbeat. */
    static DefaultMQPullConsumer puller(Env env, MessageQueue queue) throws Exception {
        DefaultMQPullConsumer consumer = env.pullConsumer("sql-filter-pull");
        consumer.pull(queue, "*", 0, 1); // and so learn where the broker is
        Await.until("the broker's version", () -> {
            consumer.getDefaultMQPullConsumerImpl().getRebalanceImpl().getmQClientFactory().sendHeartbeatToAllBrokerWithLock();
            try {
                consumer.pull(queue, MessageSelector.bySql("TRUE"), 0, 1);
            } catch (MQClientException notYet) {
                return false;
            } catch (MQBrokerException refused) {
                return true;
            }
            return true;
        });
        return consumer;
    }

    private static void pulls(Env env, Transcript see, MessageQueue queue) throws Exception {
        DefaultMQPullConsumer consumer = puller(env, queue);
        for (String expression : new String[] {
            "price > 170", "price >= 100 AND price < 130", "TAGS = 'odd' AND region IN ('east', 'west')", "region IS NULL", "region = 'it''s' AND weight < 8.0",
            "weight > 1", "NOT (price > 20)", "region <> 'east'", "region NOT CONTAINS 's'", "nothing = 1", "price BETWEEN 50 AND 70 OR TAGS IS NULL", "price >",
        }) {
            PullResult r = consumer.pull(queue, MessageSelector.bySql(expression), 0, 32);
            List<Long> found = new ArrayList<>();
            if (r.getMsgFoundList() != null) {
                for (MessageExt m : r.getMsgFoundList()) {
                    found.add(m.getQueueOffset());
                }
            }
            see.note("[%s]: %s next %d max %d %s", expression, r.getPullStatus(), r.getNextBeginOffset(), r.getMaxOffset(), found);
        }
    }

    /** Messages from before and from after its start; the last one that matches says that all before it have come. */
    private static void push(Env env, Transcript see, String topic, DefaultMQProducer producer) throws Exception {
        List<String> got = Collections.synchronizedList(new ArrayList<>());
        DefaultMQPushConsumer c = env.pushConsumer("sql-filter-push");
        c.subscribe(topic, MessageSelector.bySql("price BETWEEN 30 AND 90 AND region IS NOT NULL OR TAGS = 'last'"));
        c.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            messages.forEach(m -> got.add(new String(m.getBody(), StandardCharsets.UTF_8)));
            return ConsumeOrderlyStatus.SUCCESS;
        });
        env.start(c);
        Await.until("the first match", () -> !got.isEmpty());
        for (int i = 0; i < 10; i++) {
            producer.send(message(topic, i));
        }
        producer.send(new Message(topic, "last", "the last".getBytes(StandardCharsets.UTF_8)));
        Await.until("the last match", () -> got.contains("the last"));
        see.note("pushed %s", got);
    }

    static void refusedAtStart(Env env, Transcript see, String topic, String expression) throws Exception {
        DefaultMQPushConsumer c = env.pushConsumer("sql-filter-refused");
        c.subscribe(topic, MessageSelector.bySql(expression));
        c.registerMessageListener((MessageListenerOrderly) (messages, context) -> ConsumeOrderlyStatus.SUCCESS);
        try {
            c.start();
        } catch (MQClientException refused) {
            see.note("[%s]: refused at start, code %d [%s]", expression, refused.getResponseCode(), refused.getErrorMessage());
            return;
        } finally {
            c.shutdown();
        }
        Check.that(false, "[%s] was accepted", expression);
    }

    /** The same when the broker has the default settings. */
    public static final class Off implements Scenario {
        @Override
        public String name() {
            return "sql-filter-off";
        }

        @Override
        public boolean onDemand() {
            return true;
        }

        @Override
        public void run(Env env, Transcript see) throws Exception {
            String topic = env.createTopic("sql-filter-off", 1);
            refusedAtStart(env, see, topic, "price > 1");
            MessageQueue queue = env.onlyQueue(topic);
            DefaultMQPullConsumer consumer = puller(env, queue);
            see.refused("pull", () -> consumer.pull(queue, MessageSelector.bySql("price > 1"), 0, 32));
        }
    }
}
