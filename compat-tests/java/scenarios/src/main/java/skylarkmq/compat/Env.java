package skylarkmq.compat;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * What a scenario needs from the outside: clients that know the name server and are shut down after it, and names that
 * no other run on the same server uses. One Env a scenario.
 */
public final class Env implements AutoCloseable {
    /** Clients of one process share a connection per instance name: a name each keeps scenarios apart. */
    private static final AtomicInteger INSTANCES = new AtomicInteger();

    private final Options options;
    private final Map<Object, Runnable> open = Collections.synchronizedMap(new LinkedHashMap<>());
    private DefaultMQProducer helper;
    private DefaultMQPullConsumer reader;

    Env(Options options) {
        this.options = options;
    }

    public String topic(String name) {
        return name + "_" + options.tag;
    }

    public String group(String name) {
        return "g-" + name + "_" + options.tag;
    }

    public String cluster() {
        return options.cluster;
    }

    public boolean full() {
        return options.full;
    }

    /** Where the two halves of a scenario around a restart keep what the second must know. */
    public File stateFile() {
        Check.that(options.state != null, "this scenario needs -state FILE");
        return new File(options.state);
    }

    public DefaultMQProducer producer(String name, Consumer<DefaultMQProducer> settings) throws MQClientException {
        DefaultMQProducer p = new DefaultMQProducer(group(name));
        prepare(p);
        p.setSendMsgTimeout(15_000);
        settings.accept(p);
        p.start();
        open.put(p, p::shutdown);
        return p;
    }

    public DefaultMQProducer producer(String name) throws MQClientException {
        return producer(name, p -> { });
    }

    public TransactionMQProducer transactionProducer(String name, TransactionListener listener) throws MQClientException {
        TransactionMQProducer p = new TransactionMQProducer(group(name));
        prepare(p);
        p.setSendMsgTimeout(15_000);
        p.setTransactionListener(listener);
        p.start();
        open.put(p, p::shutdown);
        return p;
    }

    /** Starts a producer that the scenario made, with all that the others have. */
    public <P extends DefaultMQProducer> P start(P p) throws MQClientException {
        prepare(p);
        p.setSendMsgTimeout(15_000);
        p.start();
        open.put(p, p::shutdown);
        return p;
    }

    /** Starts a pull consumer that the scenario made: one of a group with a name of its own. */
    public void startOwn(DefaultMQPullConsumer c) throws MQClientException {
        prepare(c);
        c.start();
        open.put(c, c::shutdown);
    }

    /** Starts a push consumer that the scenario made. */
    public void startOwn(DefaultMQPushConsumer c) throws MQClientException {
        prepare(c);
        start(c);
    }

    /**
     * A push consumer with everything but its subscription and listener; start it with {@link #start}. It begins with a queue's first
     * message: the client's own default asks a new group's queue first for its offset, then for its end, and what is sent between the two
     * answers is skipped.
     */
    public DefaultMQPushConsumer pushConsumer(String name) {
        DefaultMQPushConsumer c = new DefaultMQPushConsumer(group(name));
        c.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        prepare(c);
        return c;
    }

    public void start(DefaultMQPushConsumer c) throws MQClientException {
        c.start();
        open.put(c, c::shutdown);
    }

    public DefaultMQPullConsumer pullConsumer(String name) throws MQClientException {
        DefaultMQPullConsumer c = new DefaultMQPullConsumer(group(name));
        prepare(c);
        c.start();
        open.put(c, c::shutdown);
        return c;
    }

    public DefaultLitePullConsumer litePullConsumer(String name, Consumer<DefaultLitePullConsumer> settings) throws MQClientException {
        DefaultLitePullConsumer c = new DefaultLitePullConsumer(group(name));
        prepare(c);
        settings.accept(c);
        c.start();
        open.put(c, c::shutdown);
        return c;
    }

    /** Shuts a client down before its scenario ends. */
    public void stop(Object client) {
        Runnable shutdown = open.remove(client);
        Check.that(shutdown != null, "client was not open");
        shutdown.run();
    }

    /** Creates the topic on every master of the cluster and waits until the name server knows the route. */
    public String createTopic(String name, int queues) throws Exception {
        String topic = topic(name);
        createTopicNamed(topic, queues);
        Await.until("route of " + name, () -> {
            try {
                return helper().fetchPublishMessageQueues(topic).size() >= queues;
            } catch (MQClientException notYet) {
                return false;
            }
        });
        return topic;
    }

    /** Creates a topic with attributes (name to value), which only the 5.x client can. */
    public String createTopic(String name, int queues, Map<String, String> attributes) throws Exception {
        String topic = topic(name);
        Map<String, String> added = new HashMap<>();
        attributes.forEach((k, v) -> added.put("+" + k, v));
        // The producer's own method forgets the attributes, also in 5.5.0.
        Object admin = helper().getDefaultMQProducerImpl().getMqClientFactory().getMQAdminImpl();
        admin.getClass().getMethod("createTopic", String.class, String.class, int.class, int.class, Map.class)
            .invoke(admin, options.cluster, topic, queues, 0, added);
        Await.until("route of " + name, () -> {
            try {
                return helper().fetchPublishMessageQueues(topic).size() >= queues;
            } catch (MQClientException notYet) {
                return false;
            }
        });
        return topic;
    }

    /** The 5.x client added an attributes parameter: the one call that is not the same source for both. */
    public void createTopicNamed(String topic, int queues) throws Exception {
        DefaultMQProducer p = helper();
        try {
            Method old;
            try {
                old = DefaultMQProducer.class.getMethod("createTopic", String.class, String.class, int.class);
            } catch (NoSuchMethodException e) {
                DefaultMQProducer.class.getMethod("createTopic", String.class, String.class, int.class, Map.class)
                    .invoke(p, options.cluster, topic, queues, new HashMap<String, String>());
                return;
            }
            old.invoke(p, options.cluster, topic, queues);
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof Exception ? (Exception) e.getCause() : e;
        }
    }

    public List<MessageQueue> queues(String topic) throws MQClientException {
        List<MessageQueue> all = new ArrayList<>(helper().fetchPublishMessageQueues(topic));
        Collections.sort(all);
        return all;
    }

    public MessageQueue onlyQueue(String topic) throws MQClientException {
        List<MessageQueue> all = queues(topic);
        Check.equal("queues of " + topic, 1, all.size());
        return all.get(0);
    }

    /** Waits until the queue holds count messages and reads them all, oldest first. */
    public List<MessageExt> readAll(MessageQueue queue, int count) throws Exception {
        DefaultMQPullConsumer c = reader();
        Await.until(count + " messages in " + queue.getTopic(), () -> c.maxOffset(queue) >= count);
        List<MessageExt> read = new ArrayList<>();
        long next = 0;
        while (read.size() < count) {
            PullResult r = c.pull(queue, "*", next, 32);
            Check.that(r.getMsgFoundList() != null, "pull at %d of %s: %s", next, queue, r.getPullStatus());
            read.addAll(r.getMsgFoundList());
            next = r.getNextBeginOffset();
        }
        Check.equal("messages in " + queue.getTopic(), count, read.size());
        return read;
    }

    public synchronized DefaultMQPullConsumer reader() throws MQClientException {
        if (reader == null) {
            reader = pullConsumer("reader" + INSTANCES.get());
        }
        return reader;
    }

    private synchronized DefaultMQProducer helper() throws MQClientException {
        if (helper == null) {
            helper = producer("helper" + INSTANCES.get());
        }
        return helper;
    }

    private void prepare(ClientConfig c) {
        c.setNamesrvAddr(options.nameServer);
        c.setInstanceName("i" + INSTANCES.incrementAndGet() + "_" + options.tag);
        // The heartbeat of a start is left out when the timer's is on its way, as where classes load slowly, and a consumer that its
        // broker does not know gets no queues: with the client's own interval for half a minute.
        c.setHeartbeatBrokerInterval(1000);
    }

    /** All at once: a 5.x client looks only every three seconds whether it is to end, and its shutdown waits for that. */
    @Override
    public void close() {
        CompletableFuture<?>[] shutdowns = new ArrayList<>(open.values()).stream()
            .map(shutdown -> CompletableFuture.runAsync(shutdown, task -> new Thread(task, "shutdown").start()))
            .toArray(CompletableFuture[]::new);
        CompletableFuture.allOf(shutdowns).join();
    }

    /** MessageModel moved to another package in 5.x, so it is named by its text. */
    public static void broadcasting(DefaultMQPushConsumer c) throws Exception {
        for (Method m : DefaultMQPushConsumer.class.getMethods()) {
            if (m.getName().equals("setMessageModel")) {
                for (Object model : m.getParameterTypes()[0].getEnumConstants()) {
                    if (model.toString().equals("BROADCASTING")) {
                        m.invoke(c, model);
                        return;
                    }
                }
            }
        }
        throw new AssertionError("no setMessageModel(BROADCASTING)");
    }
}
