package longreach.lm.prompt;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.interpret.TemplateError.ErrorReason;
import com.hubspot.jinjava.interpret.TemplateError.ErrorType;

/** Functions that chat templates call and Jinja itself does not have. Public for the template engine alone. */
public final class TemplateFunctions {
    private TemplateFunctions() {}

    /** {@code raise_exception(message)}: the template refuses the conversation. */
    public static String raiseException(String message) {
        var interpreter = JinjavaInterpreter.getCurrent();
        interpreter.addError(new TemplateError(
                ErrorType.FATAL, ErrorReason.EXCEPTION, message, null, interpreter.getLineNumber(), 0, null));
        return "";
    }
}
