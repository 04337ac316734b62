package skylarkmq.compat.consume;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Map;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.common.message.MessageQueue;

/** What mqadmin asks a broker for, through the client that a consumer has anyway. Names and parameters differ between 4.x and 5.x. */
final class Operator {
    private static final long TIMEOUT = 15_000;

    private final MQClientInstance factory;
    private final String broker;

    Operator(DefaultMQPushConsumer c, MessageQueue queue) {
        factory = c.getDefaultMQPushConsumerImpl().getmQClientFactory();
        broker = factory.findBrokerAddressInPublish(queue.getBrokerName());
    }

    MQClientAPIImpl api() {
        return factory.getMQClientAPIImpl();
    }

    static String clientId(DefaultMQPushConsumer c) {
        return c.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
    }

    Map<MessageQueue, Long> resetOffset(String topic, String group, long timestamp) throws Exception {
        return api().invokeBrokerToResetOffset(broker, topic, group, timestamp, true, TIMEOUT);
    }

    Map<String, Map<MessageQueue, Long>> status(String topic, String group) throws Exception {
        return api().invokeBrokerToGetConsumerStatus(broker, topic, group, null, TIMEOUT);
    }

    Object runningInfo(String group, String clientId, boolean stacks) throws Exception {
        return call("getConsumerRunningInfo", broker, group, clientId, stacks, TIMEOUT);
    }

    Object consumeDirectly(String group, String clientId, String topic, String msgId) throws Exception {
        for (Method m : MQClientAPIImpl.class.getMethods()) {
            if (m.getName().equals("consumeMessageDirectly")) {
                return m.getParameterCount() == 5 ? call(m.getName(), broker, group, clientId, msgId, TIMEOUT)
                    : call(m.getName(), broker, group, clientId, topic, msgId, TIMEOUT);
            }
        }
        throw new AssertionError("no consumeMessageDirectly");
    }

    /** The offset that the broker has; -1 when it has none. */
    long offset(String group, MessageQueue queue) throws Exception {
        for (Method m : MQClientAPIImpl.class.getMethods()) {
            if (m.getName().equals("queryConsumerOffset") && m.getParameterCount() == 3) {
                Object header = m.getParameterTypes()[1].getConstructor().newInstance();
                set(header, "setConsumerGroup", group);
                set(header, "setTopic", queue.getTopic());
                invoke(header, header.getClass().getMethod("setQueueId", Integer.class), queue.getQueueId());
                try {
                    return (Long) invoke(api(), m, broker, header, TIMEOUT);
                } catch (Exception none) {
                    return -1;
                }
            }
        }
        throw new AssertionError("no queryConsumerOffset");
    }

    private static void set(Object header, String setter, String value) throws Exception {
        invoke(header, header.getClass().getMethod(setter, String.class), value);
    }

    private Object call(String name, Object... args) throws Exception {
        for (Method m : MQClientAPIImpl.class.getMethods()) {
            if (m.getName().equals(name) && m.getParameterCount() == args.length) {
                return invoke(api(), m, args);
            }
        }
        throw new AssertionError("no " + name + " with " + args.length + " parameters");
    }

    /** Calls what only one of the clients has in this package; what it throws is thrown. */
    static Object invoke(Object on, Method m, Object... args) throws Exception {
        try {
            return m.invoke(on, args);
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof Exception ? (Exception) e.getCause() : e;
        }
    }

    static Object get(Object bean, String getter) throws Exception {
        return invoke(bean, bean.getClass().getMethod(getter));
    }

    /** Sets a switch that 5.x clients have; false when this one has not. */
    static boolean turnOn(DefaultMQPushConsumer c, String setter, boolean value) throws Exception {
        try {
            invoke(c, DefaultMQPushConsumer.class.getMethod(setter, boolean.class), value);
            return true;
        } catch (NoSuchMethodException e) {
            return false;
        }
    }
}
