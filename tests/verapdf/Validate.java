import java.io.File;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.xml.parsers.DocumentBuilderFactory;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;
import org.verapdf.pdfa.validation.profiles.ErrorArgument;
import org.verapdf.pdfa.validation.profiles.ErrorArgumentImpl;
import org.verapdf.pdfa.validation.profiles.Profiles;
import org.verapdf.pdfa.validation.profiles.Rule;
import org.verapdf.pdfa.validation.profiles.RuleId;
import org.verapdf.pdfa.validation.profiles.ValidationProfile;
import org.verapdf.pdfa.validation.profiles.Variable;
import org.verapdf.pdfa.validation.validators.JavaScriptEvaluator;
import org.verapdf.processor.reports.enums.JobEndStatus;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** Validates every file given as PDF/A-3a and as PDF/UA-1; one JVM for all, as its start costs the most. */
public final class Validate {
    // Where the rules lie in the jar, by the flavour's short name.
    private static final Map<String, String> PROFILES = Map.of("3a", "PDFA-3A.xml", "ua1", "PDFUA-1.xml");
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    public static void main(String[] files) throws Exception {
        Logger.getLogger("").setLevel(Level.OFF);  // the parser's remarks; what matters comes as a rule
        VeraGreenfieldFoundryProvider.initialise();
        boolean valid = files.length > 0;
        for (String name : List.of("3a", "ua1")) {
            JavaScriptEvaluator.clearScripts();  // kept by the rule's text alone, which two profiles may share
            ValidationProfile profile = profile(PROFILES.get(name));
            for (String file : files) {
                List<String> failures = check(new File(file), profile);
                valid &= failures.isEmpty();
                if (failures.isEmpty()) {
                    OUT.println("PASS " + name + " " + file);
                }
                for (String failure : failures) {
                    OUT.println("FAIL " + name + " " + file + ": " + failure.replaceAll("\\s+", " "));
                }
            }
        }
        System.exit(valid ? 0 : 1);
    }

    /** Rules broken, with the first message of each; a file that cannot be read breaks all. */
    private static List<String> check(File file, ValidationProfile profile) {
        List<String> failures = new ArrayList<>();
        PDFAFlavour flavour = profile.getPDFAFlavour();
        // 1: keep one failed check of each rule, and count the rest; messages are built only if asked for.
        try (PDFAParser parser = Foundries.defaultInstance().createParser(file, flavour);
                PDFAValidator validator =
                        Foundries.defaultInstance().createValidator(profile, 1, false, true, false)) {
            ValidationResult result = validator.validate(parser);
            Map<RuleId, String> messages = new LinkedHashMap<>();
            for (TestAssertion assertion : result.getTestAssertions()) {
                if (assertion.getStatus() == TestAssertion.Status.FAILED) {
                    messages.putIfAbsent(assertion.getRuleId(), message(assertion));
                }
            }
            result.getFailedChecks().forEach((rule, times) -> failures.add(String.format("%s / %d: %s (%d times)",
                    rule.getClause(), rule.getTestNumber(), messages.get(rule), times)));
            failures.sort(null);
            // No failed rule is no proof: the run may have been cut short or have checked nothing.
            if (failures.isEmpty() && !result.isCompliant()) {
                failures.add("not compliant, no rule named");
            }
            if (result.getJobEndStatus() != JobEndStatus.NORMAL || result.getTotalAssertions() == 0) {
                failures.add("not checked to the end: " + result.getJobEndStatus());
            }
        } catch (Exception | LinkageError | StackOverflowError error) {
            failures.add("cannot be validated: " + error);
        }
        return failures;
    }

    private static String message(TestAssertion assertion) {
        String message = assertion.getErrorMessage();
        return message == null || message.isEmpty() ? assertion.getMessage() : message;
    }

    /** A profile read by DOM: the jar lacks the JAXB runtime that Profiles.profileFromXml asks for. */
    private static ValidationProfile profile(String file) throws Exception {
        Element root;
        try (InputStream xml = Profiles.class.getResourceAsStream("/org/verapdf/pdfa/validation/" + file)) {
            root = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(xml).getDocumentElement();
        }
        Set<Rule> rules = new LinkedHashSet<>();
        List<Element> written = children(child(root, "rules"), "rule");
        for (Element rule : written) {
            Element id = child(rule, "id");
            Element error = child(rule, "error");
            List<ErrorArgument> arguments = new ArrayList<>();
            for (Element argument : children(child(error, "arguments"), "argument")) {
                arguments.add(ErrorArgumentImpl.fromValues(argument.getTextContent(), name(argument), null));
            }
            rules.add(Profiles.ruleFromValues(
                    Profiles.ruleIdFromValues(
                            PDFAFlavour.Specification.valueOf(id.getAttribute("specification")),
                            id.getAttribute("clause"), Integer.parseInt(id.getAttribute("testNumber"))),
                    rule.getAttribute("object"),
                    // Judged after the whole file is read, as it asks what only then is known.
                    rule.hasAttribute("deferred") ? Boolean.valueOf(rule.getAttribute("deferred")) : null,
                    rule.getAttribute("tags"), text(rule, "description"), text(rule, "test"),
                    Profiles.errorFromValues(text(error, "message"), arguments), List.of()));
        }
        Set<Variable> variables = new LinkedHashSet<>();
        for (Element variable : children(child(root, "variables"), "variable")) {
            variables.add(Profiles.variableFromValues(variable.getAttribute("name"), variable.getAttribute("object"),
                    text(variable, "defaultValue"), text(variable, "value")));
        }
        if (rules.isEmpty() || rules.size() != written.size()) {
            throw new IllegalStateException(file + ": " + rules.size() + " of " + written.size() + " rules read");
        }
        Element details = child(root, "details");
        return Profiles.profileFromValues(PDFAFlavour.valueOf(root.getAttribute("flavour")),
                Profiles.profileDetailsFromValues(text(details, "name"), text(details, "description"),
                        details.getAttribute("creator"), new Date(0)),
                "", rules, variables);
    }

    private static String name(Element element) {
        return element.hasAttribute("name") ? element.getAttribute("name") : null;
    }

    private static String text(Element parent, String name) {
        return child(parent, name).getTextContent();
    }

    private static Element child(Element parent, String name) {
        List<Element> found = children(parent, name);
        if (found.size() != 1) {
            throw new IllegalStateException(found.size() + " <" + name + "> in <" + parent.getTagName() + ">");
        }
        return found.get(0);
    }

    private static List<Element> children(Element parent, String name) {
        List<Element> found = new ArrayList<>();
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element element && element.getTagName().equals(name)) {
                found.add(element);
            }
        }
        return found;
    }
}
